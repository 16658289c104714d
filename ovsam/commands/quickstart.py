"""What `ovsam quickstart` does; its options are in `ovsam.arguments.quickstart`."""

import argparse
import resource
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ovsam.benchmark import provenance, records
from ovsam.benchmark.rendering import render
from ovsam.benchmark.signed import write_signed
from ovsam.benchmark.specs import TABLES, TableSpec
from ovsam.benchmark.tables import build
from ovsam.cli import configs_folder
from ovsam.commands.make_tables import read_records
from ovsam.engine.picture_filling import FOLDER
from ovsam.workflows.miniature import plan_stages
from ovsam.workflows.scheduling import lock_folder
from ovsam.workflows.stage_display import duration, print_commands, run_shown
from ovsam.workflows.suites import SUITES, Suite
from ovsam.workflows.summary import write_summary

SLOTS = 2  # of the times in the tables


def run(args: argparse.Namespace) -> int:
    """Run the stages and write the summary.

    Raises:
        StageError: a stage failed, or another run is at work in the same folder.
    """
    suite = SUITES[args.suite]
    stages = plan_stages(
        args.root,
        range(args.seeds),
        configs_folder(),
        options=args.cfg_options,
        data_options=args.data_options,
        steps=suite.steps,
    )
    if args.list:
        print_commands(stages)
        return 0
    began, measurement = time.monotonic(), provenance.Measurement()
    with lock_folder(args.root):
        if args.fresh:
            _remove_runs(args.root)
        continues = any(args.root.rglob(".*.stage.json"))
        seconds = run_shown(stages, slots=args.slots)
        elapsed = time.monotonic() - began
        if not continues:
            target = args.root / suite.folder
            _write_timing(target, _told(args), seconds, measurement)
        _summarize(args.root, range(args.seeds), seconds, elapsed, suite)
    return 0


def _told(args: argparse.Namespace) -> str:
    """The run as its results file names it: `make`, and whatever made it another run than that."""
    changes = [*args.cfg_options, *args.data_options]
    changes += [f"--slots {args.slots}"] if args.slots != SLOTS else []
    return " ".join([f"make {args.suite} SEEDS={args.seeds}", *changes])


def _write_timing(
    root: Path, command: str, seconds: dict[str, float], measurement: provenance.Measurement
) -> None:
    """How long a whole run took on this machine; a continued run does not write it."""
    setup = Path(sys.prefix) / "setup_seconds"  # `make` writes it when it makes the environment
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    content = {
        "command": command,
        "seconds_of_setup": int(setup.read_text()) if setup.is_file() else None,
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),  # the same on a machine that others use
        "seconds_of_stages": {name: round(value, 1) for name, value in seconds.items()},
        "provenance": measurement.origin(),
    }
    root.mkdir(parents=True, exist_ok=True)
    write_signed(content, root / "timing.json")


def _remove_runs(root: Path) -> None:
    """Remove the folders of the seeds, of the data stage and of kept pictures; the data set stays."""
    for folder in (*root.glob("seed_*"), root / "data", root / FOLDER):
        shutil.rmtree(folder, ignore_errors=True)


def _summarize(
    root: Path, seeds: Sequence[int], seconds: dict[str, float], elapsed: float, suite: Suite
) -> None:
    target = root / suite.folder
    target.mkdir(parents=True, exist_ok=True)
    found = [record for seed in seeds for record in read_records(root / f"seed_{seed}")]
    found = [record for record in found if record.prompts in suite.prompts]
    records.write_results(found, target / "results.json")
    specs = [spec for spec in map(TABLES.get, suite.tables) if isinstance(spec, TableSpec)]
    tables = [build(spec, found, allow_dirty=True) for spec in specs]
    text = "\n".join(render(table) for table in tables)
    (target / "table.md").write_text(text)
    write_summary(root, seeds, suite, tables, found, seconds)
    Console(soft_wrap=True).print(text, markup=False, highlight=False)
    for name in ("table.md", "results.json", "timing.json", "curves.png", "pictures", "report.html"):
        if (target / name).exists():
            print(f"  {target / name}")
    total = duration(sum(seconds.values()))
    print(f"{len(seconds)} stages in {duration(elapsed)}; their own times add up to {total}")
