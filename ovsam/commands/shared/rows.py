"""Rows of a test: configs with their weights, of which several may share a pass over the pictures."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config
from torch import nn

from ovsam.cli import find_config
from ovsam.commands.shared.options import prepare_config
from ovsam.engine.lineage import check_lineage
from ovsam.engine.runner import Runner
from ovsam.engine.shared_parts import check_settings, share_parts
from ovsam.models.segmentors.shared_features import SharedFeatures
from ovsam.weights import WEIGHTS_FILE, check_sources, load_parts

RANDOM = "none"  # as WEIGHTS: leave the model at its random start


@dataclass
class Row:
    """A config that is tested.

    Attributes:
        name: of the row among those of a pass; empty: the first.
        config: prepared.
        source: of the weights of the whole model, see `weights_source`.
        model, digests: with these weights, and their sha256, once they are loaded.
    """

    name: str
    config: Config
    source: str | None
    model: nn.Module | None = None
    digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def asked(cls, args: Namespace, name: str = "") -> "Row":
        """The row of a command's arguments; nothing is built."""
        config = prepare_config(args)
        if not config.get("test_dataloader"):
            hint = "; its training ends with a validation" if config.get("val_dataloader") else ""
            raise ValueError(f"{args.config} has nothing to test (no test_dataloader){hint}")
        source = weights_source(config, args.weights)
        if args.weights and not args.work_dir:  # the record of its own ones stays
            config.work_dir = str(Path(config.work_dir) / "other_weights")
        if source:
            config.initial_weights = {}  # the file holds all parts
            for key in config.changed_options:
                if key.partition(".")[0] == "initial_weights":
                    warn(f"option {key!r} has no effect, the test reads the whole model from {source!r}")
        return cls(name, config, source)

    def check_weights(self) -> None:
        """Check that all weights are there; see `check_sources`."""
        if self.source != RANDOM:
            sources = {"": self.source} if self.source else self.config.get("initial_weights") or {}
            check_sources(sources, self.config.get("weights_root", "work_dirs"))

    def load(self, model: nn.Module, digests: Mapping[str, str]) -> None:
        """Take a model, built with the config's initial weights of these sha256; load its others."""
        self.model, self.digests = model, dict(digests)
        if self.source and self.source != RANDOM:
            root = self.config.get("weights_root", "work_dirs")
            self.digests.update(load_parts(model, {"": self.source}, root))

    def blemishes(self, seed: int) -> list[str]:
        """Why records of these weights cannot be published; printed as warnings too."""
        if self.source == RANDOM:
            return ["random weights"]
        config = self.config
        stems = {config.experiment_name.split("/")[-1], config.get("test_weights") or ""}
        root = config.get("weights_root", "work_dirs")
        found = check_lineage(self.digests, root, stems=stems, seed=seed)
        for blemish in found:
            warn(f"{blemish}; published tables will not accept the record")
        return found


def asked_rows(args: Namespace) -> list[Row]:
    """The row of the command's config, and those of `--rows`, in folders beside its own.

    Raises:
        ValueError: two rows have one folder, or a row reads other data or computes in another way.
    """
    rows = [Row.asked(args)]
    for given in args.rows:
        config, _, weights = given.partition("=")
        folder = args.work_dir and args.work_dir.parent / find_config(config).stem
        own = dict(config=config, weights=weights or None, work_dir=folder)
        row = Row.asked(Namespace(**{**vars(args), **own}))
        row.name = row.config.experiment_name
        check_settings(row.config, rows[0].config, args.split)
        if row.config.work_dir in {other.config.work_dir for other in rows}:
            raise ValueError(f"two rows would write to {row.config.work_dir}: test {config} alone")
        rows.append(row)
    return rows


def load_rows(runner: Runner, rows: Sequence[Row]) -> None:
    """Load all weights; the runner, built from the first row's config, then answers for all rows.

    Raises:
        ValueError: a row's image features would not be those of the first.
    """
    first, *others = rows
    first.load(runner.bare_model, runner.weight_digests)
    loaded = [(runner.bare_model, first.config)]
    for row in others:
        row.load(*runner.build_another(row.config))
        share_parts(row.model, row.config, loaded)
        loaded.append((row.model, row.config))
    if others:
        runner.answer_with(SharedFeatures({row.name: row.model for row in rows}))
        for row in others:
            Path(row.config.work_dir).mkdir(parents=True, exist_ok=True)


def weights_source(config: Config, given: str | None) -> str | None:
    """Where the weights of the whole model come from.

    Args:
        config: prepared config.
        given: the shell's argument, if any.

    Returns:
        `given`; else the config's `test_weights`; else, of a config that trains, what it has trained, in
        `work_dir` if it lies there; else None: the model is put together from the config's
        `initial_weights`.
    """
    if given or config.get("test_weights"):
        return given or config.test_weights
    if not config.get("train_cfg"):
        return None
    stem = config.experiment_name.split("/")[-1]
    usual = Path(config.get("weights_root", "work_dirs"), stem, WEIGHTS_FILE)
    own = Path(config.work_dir, WEIGHTS_FILE)
    is_elsewhere = own.is_file() and not (usual.is_file() and own.samefile(usual))
    return str(own) if is_elsewhere else stem


def warn(text: str) -> None:
    """Print a warning where results are not printed."""
    print(f"warning: {text}", file=sys.stderr)
