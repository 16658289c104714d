"""What `ovsam sweep` does; its options are in `ovsam.arguments.sweep`."""

import argparse
import fnmatch
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ovsam.benchmark import records
from ovsam.benchmark.records import Record
from ovsam.benchmark.rendering import render
from ovsam.benchmark.specs import Column, Row, TableSpec
from ovsam.benchmark.tables import build
from ovsam.cli import configs_folder, find_config, list_configs
from ovsam.commands.make_tables import RECORD_FILES
from ovsam.commands.shared.label_map_sets import is_semantic, sets_of
from ovsam.commands.shared.options import experiment_name
from ovsam.engine.configuration import load_config
from ovsam.workflows.scheduling import lock_folder
from ovsam.workflows.stage_display import duration, print_commands, run_shown
from ovsam.workflows.stages import Stage
from ovsam.workflows.sweeps import Launch, Run, describe_run, plan_sweep

EXIT_FAILED = 1
KIND_TITLES = {"box": "Boxes", "center_point": "Centre points"}
PROMPT_COLUMNS = (
    ("iou_base", "IoU_b"),
    ("iou_novel", "IoU_n"),
    ("accuracy", "Acc"),
    ("accuracy_base", "base Acc"),
    ("accuracy_novel", "novel Acc"),
    ("seeds", "seeds"),
)
SEMANTIC_COLUMNS = (
    ("miou", "mIoU"),
    ("miou_seen", "seen mIoU"),
    ("miou_unseen", "unseen mIoU"),
    ("pixel_accuracy", "pixel Acc"),
    ("seeds", "seeds"),
)


def run(args: argparse.Namespace) -> int:
    """Run the sweep.

    Returns:
        0, or 1 where a run failed.

    Raises:
        ValueError: arguments that do not fit together, or weights that are missing.
        FileNotFoundError: unknown config.
        StageError: another sweep is at work in the same folder.
    """
    runs = find_runs(args.configs, with_needs=args.with_needs)
    stages = plan_sweep(
        runs,
        root=args.root,
        seeds=args.seeds,
        launch=Launch(args.launcher, args.processes, tuple(args.srun_options), num_beside=args.jobs),
        names=[Path(name).name for name in list_configs()],
        prompts=args.prompts or (),
        sets=sets_of(args.sets),
        options=args.cfg_options,
        weights_root=args.weights_root,
    )
    if args.list:
        print_commands(stages)
        return 0
    with lock_folder(args.root):
        failures = _run(stages, args.jobs, is_local=args.launcher != "slurm")
        write_table(args.root, runs, args.seeds)
    for name, message in failures.items():
        print(f"failed: {name}: {message.splitlines()[0]}", file=sys.stderr)
    return EXIT_FAILED if failures else 0


def find_runs(names: Sequence[str], *, with_needs: bool) -> list[Run]:
    """Runs of configs, those that others need first.

    Args:
        names: config files, names such as `mini/ovsam_rn`, or patterns of names such as `mini/*`.
        with_needs: add the configs whose weights they read.

    Raises:
        FileNotFoundError: a name or a pattern that fits no config.
    """
    known = list_configs()
    pending: list[Path] = []
    for name in names:
        found = fnmatch.filter(known, name) if any(sign in name for sign in "*?[") else [name]
        if not found:
            families = dict.fromkeys(str(Path(config).parent) for config in known)
            raise FileNotFoundError(f"no config fits {name!r}; they are in {', '.join(families)}")
        pending += [find_config(config) for config in found]
    runs: dict[Path, Run] = {}
    while pending:
        path = pending.pop(0)
        if path in runs:
            continue
        config = load_config(path)
        runs[path] = describe_run(path, config, is_semantic=is_semantic(config))
        if with_needs:
            pending += [need for name in runs[path].needs if (need := _config_of(name, path, known))]
    return _needed_first(list(runs.values()))


def write_table(root: Path, runs: Sequence[Run], seeds: Sequence[int]) -> None:
    """Collect the records of a sweep into `root/results.json` and `root/table.md`, and print the table.

    Rows may have different numbers of seeds, which the table shows.
    """
    files = [
        file
        for seed in seeds
        for run in runs
        for file in sorted((root / f"seed_{seed}" / run.stem).glob(RECORD_FILES))
    ]
    found = [records.read(file) for file in files]
    if not found:
        print("no run has a result yet", file=sys.stderr)
        return
    records.write_results(found, root / "results.json")
    tables = [
        build(spec, found, allow_dirty=True, same_seeds=False) for spec in table_specs(runs, found)
    ]
    text = "\n".join(render(table) for table in tables)
    (root / "table.md").write_text(text)
    print(text, end="")
    print(f"\n  {root / 'table.md'}\n  {root / 'results.json'}")


def table_specs(runs: Sequence[Run], found: Sequence[Record]) -> list[TableSpec]:
    """A table for each data set: what was measured of every kind of prompts or of label maps, cost,
    number of seeds."""
    methods = {record.config: record.method for record in found}
    specs = []
    for dataset in dict.fromkeys(record.dataset for record in found):
        kinds = dict.fromkeys(record.prompts for record in found if record.dataset == dataset)
        rows = []
        for one in runs:
            name = experiment_name(one.path)
            datasets = {record.dataset for record in found if record.config == name}
            if one.is_tested and (dataset in datasets or not datasets):
                rows.append(Row(methods.get(name, name), name))
        specs.append(
            TableSpec(
                name="sweep",
                title=f"Sweep on {dataset}",
                results=(),
                dataset=dataset,
                rows=tuple(rows),
                columns=(
                    *(column for kind in kinds for column in _columns(kind)),
                    Column("macs", "MACs (G)"),
                    Column("params", "Params (M)"),
                ),
                notes=("Percent, mean ± sample standard deviation over seeds.",),
            )
        )
    return specs


def _columns(kind: str) -> list[Column]:
    titles = SEMANTIC_COLUMNS if kind == records.SEMANTIC else PROMPT_COLUMNS
    return [Column(key, title, kind, KIND_TITLES.get(kind, "")) for key, title in titles]


def _run(stages: Sequence[Stage], jobs: int, *, is_local: bool) -> dict[str, str]:
    """Run all that is not done; returns name -> what happened of the stages that failed."""
    failures: dict[str, str] = {}
    began = time.monotonic()

    def note(name: str, message: str) -> None:
        failures[name] = message
        print(f"{message}\ncontinuing with the others", file=sys.stderr, flush=True)

    cores = None if is_local else jobs  # elsewhere our cores are no limit
    done = run_shown(stages, slots=jobs, cores=cores, on_failure=note)
    lost = len(stages) - len(done) - len(failures)
    print(
        f"{len(done)} of {len(stages)} stages done in {duration(time.monotonic() - began)},"
        f" {len(failures)} failed, {lost} waited for one that failed",
        file=sys.stderr,
    )
    return failures


def _config_of(name: str, reader: Path, known: Sequence[str]) -> Path | None:
    """Config that trains the source `name`: of the reader's family if there are several; else None."""
    fitting = [config for config in known if Path(config).name == name]
    near = [config for config in fitting if Path(config).parent.name == reader.parent.name]
    found = near or fitting
    return (configs_folder() / f"{found[0]}.py").resolve() if found else None


def _needed_first(runs: Sequence[Run]) -> list[Run]:
    """In the given order, but every run after those it needs."""
    by_stem = {run.stem: run for run in runs}
    ordered: dict[Path, Run] = {}

    def add(run: Run, waiting: tuple[str, ...]) -> None:
        if run.stem in waiting:
            raise ValueError(f"configs need each other's weights: {' -> '.join((*waiting, run.stem))}")
        for name in run.needs:
            if name in by_stem and by_stem[name].path != run.path:
                add(by_stem[name], (*waiting, run.stem))
        ordered.setdefault(run.path, run)

    for run in runs:
        add(run, ())
    return list(ordered.values())
