"""Curves of the losses of training runs, from their logs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LOG_NAME = "scalars.json"  # mmengine's, below <work_dir>/<time>/vis_data
COLOUR = "#0072B2"
COLUMNS = 2


@dataclass(frozen=True)
class Curve:
    """Losses (n,) at optimiser steps (n,), ascending."""

    steps: np.ndarray
    losses: np.ndarray


def read_curve(work_dir: Path, key: str = "loss") -> Curve:
    """The values `key` of a run; of a resumed run all parts, the later one where they overlap.

    Raises:
        FileNotFoundError, ValueError: no log, or one without such a value.
    """
    logs = sorted(work_dir.glob(f"*/vis_data/{LOG_NAME}"))
    if not logs:
        raise FileNotFoundError(f"no {LOG_NAME} below {work_dir}; tools/train.py writes it")
    by_step: dict[int, float] = {}
    for log in logs:
        rows = [_row(line) for line in log.read_text().splitlines()]
        found = {int(row["step"]): float(row[key]) for row in rows if key in row and "step" in row}
        if found:
            by_step = {step: loss for step, loss in by_step.items() if step < min(found)} | found
    if not by_step:
        raise ValueError(f"the logs below {work_dir} have no {key!r}")
    steps = sorted(by_step)
    return Curve(np.array(steps), np.array([by_step[step] for step in steps]))


def draw_curves(curves: Mapping[str, Curve], target: Path) -> None:
    """Draw one small plot per run, each with its title, into a .png or .svg; ValueError for none."""
    if not curves:
        raise ValueError("there are no curves to draw")
    rows = -(-len(curves) // COLUMNS)
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8, 2.3 * rows), layout="constrained")
        FigureCanvasAgg(figure)
        places = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
        for place, (title, curve) in zip(places[: len(curves)], curves.items(), strict=True):
            marker = "o" if len(curve.steps) == 1 else None  # a line needs two points
            place.plot(curve.steps, curve.losses, color=COLOUR, linewidth=1.4, marker=marker)
            place.set_title(title, loc="left", fontsize=9)
            place.set_xlabel("step")
            place.set_ylabel("loss")
            place.set_ylim(bottom=0)
            place.margins(x=0.01)
            place.grid(alpha=0.25)
        for place in places[len(curves) :]:
            place.set_visible(False)
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=140, facecolor="white")


def _row(line: str) -> dict:
    """A line of the log; a last line cut by a crash counts as nothing."""
    try:
        return json.loads(line)
    except ValueError:
        return {}
