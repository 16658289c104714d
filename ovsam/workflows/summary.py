"""What the miniature leaves for its reader: curves, pictures and the report."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ovsam.benchmark.records import SEMANTIC, VOCABULARY, Record
from ovsam.benchmark.rendering import as_text, group_widths
from ovsam.benchmark.tables import Table
from ovsam.visualization.curves import draw_curves, read_curve
from ovsam.visualization.report import Report, ReportImage, ReportTable, write_report
from ovsam.workflows.miniature import trained_steps
from ovsam.workflows.stage_display import duration
from ovsam.workflows.suites import Suite


def write_summary(
    root: Path,
    seeds: Sequence[int],
    suite: Suite,
    tables: Sequence[Table],
    records: Sequence[Record],
    seconds: Mapping[str, float],
) -> None:
    """Write curves.png (and one per further seed), pictures/<prompts>/ of the first seed, report.html.

    Args:
        root: folder of the miniature; all goes into the folder of the suite in it.
        seeds, suite: what was trained and tested.
        tables, records: filled tables, and what is behind them.
        seconds: of each stage.
    """
    texts = [as_text(table) for table in tables]
    report = Report(
        title=suite.title,
        lead=suite.lead,
        tables=[ReportTable(t.title, t.header, t.rows, t.notes, group_widths(t)) for t in texts],
        curves=_draw_losses(root, seeds, suite),
        pictures=_copy_pictures(root, seeds[0], suite),
        pictures_note=suite.pictures_note,
        facts=_facts(records),
        times=[(name, duration(value)) for name, value in seconds.items()],
    )
    write_report(report, root / suite.folder / "report.html")


def _draw_losses(root: Path, seeds: Sequence[int], suite: Suite) -> list[ReportImage]:
    images = []
    for seed in seeds:
        place = root / f"seed_{seed}"
        name = "curves.png" if seed == seeds[0] else f"curves_seed_{seed}.png"
        target = root / suite.folder / name
        curves = {name: read_curve(place / name) for name in trained_steps(suite.steps)}
        draw_curves(curves, target)
        last = ", ".join(f"{name} {curve.losses[-1]:.3g}" for name, curve in curves.items())
        images.append(
            ReportImage(target, f"Loss over steps of every stage; last: {last}", f"Seed {seed}")
        )
    return images


def _copy_pictures(root: Path, seed: int, suite: Suite) -> list[ReportImage]:
    folder = root / suite.folder / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    images = []
    for step in suite.steps:
        for kind in step.prompts if step.has_pictures else ():
            source = root / f"seed_{seed}" / step.config / "pictures" / kind
            target = folder / kind
            shutil.copytree(source, target, dirs_exist_ok=True)
            images += [
                ReportImage(target / entry["file"], entry["text"], entry["caption"])
                for entry in json.loads((target / "pictures.json").read_text())
            ]
    return images


def _facts(records: Sequence[Record]) -> list[tuple[str, str]]:
    if not records:
        return []
    origins = [record.provenance for record in records]
    facts = {
        "Data": map(_data, records),
        "Seeds": (str(record.seed) for record in records),
        "Hardware": (origin["hardware"] for origin in origins),
        "Device": (origin["device"] for origin in origins),
        "Commit": map(_commit, origins),
        "Versions": (", ".join(map(" ".join, o["versions"].items())) for o in origins),
        "Started": [min(origin["started"] for origin in origins)],
    }
    return [(name, "; ".join(dict.fromkeys(values))) for name, values in facts.items()]


def _data(record: Record) -> str:
    metrics = record.metrics
    if record.prompts == SEMANTIC:
        what = f"{metrics['num_seen']} base and {metrics['num_unseen']} novel classes"
    elif record.prompts.startswith(VOCABULARY):
        what = f"{metrics['num_objects']} objects, {metrics['num_names']} names"
    else:
        what = f"{metrics['num_base']} base and {metrics['num_novel']} novel objects"
    return f"{record.dataset}, {metrics['num_images']} images, {what}"


def _commit(origin: Mapping[str, Any]) -> str:
    commit = origin["commit"] or "none (installed package)"
    return commit + (" with changes" if origin["dirty"] else "")
