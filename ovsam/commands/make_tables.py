"""What `ovsam make_tables` does; its options are in `ovsam.arguments.make_tables`."""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ovsam.benchmark import records
from ovsam.benchmark.complexity import read_costs
from ovsam.benchmark.records import Record
from ovsam.benchmark.rendering import render, update_tables
from ovsam.benchmark.result_files import fill
from ovsam.benchmark.specs import TABLES, FileTable, TextTable
from ovsam.benchmark.tables import build
from ovsam.cli import PACKAGE, configs_folder

COSTS = "complexity.json"  # relative to configs/; tools/complexity.py --write makes it
READMES = ("README.md", "docs/*.md", "configs/**/README.md")  # relative to the checkout
RECORD_FILES = "record_test_*.json"  # what tools/test.py writes; validation records are for choices


def run(args: argparse.Namespace) -> int:
    """Do what the options say.

    Raises:
        ValueError: options that do not belong together, or records that may not be used.
        FileNotFoundError: no such record, results file or README.
    """
    if sum([bool(args.collect), args.check, args.update]) > 1:
        raise ValueError("--collect, --check and --update are three different things; choose one")
    if args.collect:
        return _collect(args.collect, args.into, allow_dirty=args.allow_dirty)
    rendered = partial(
        render_table, form=args.format, sources=args.records, allow_dirty=args.allow_dirty
    )
    if args.check or args.update:
        root = PACKAGE.parent
        files = args.readme or [file for place in READMES for file in sorted(root.glob(place))]
        return _readmes(files, partial(rendered, form="markdown"), args.update)
    text = "\n".join(rendered(name) for name in args.names or TABLES)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(text)
    else:
        sys.stdout.write(text)
    return 0


def render_table(
    name: str, *, form: str, sources: Sequence[Path] | None = None, allow_dirty: bool = False
) -> str:
    """Text of the table `name`.

    Args:
        name: key of `TABLES`.
        form: one of `FORMATS`.
        sources: record files, results files or folders; the table's own results file if left out.
        allow_dirty: take records that may not be published.

    Raises:
        ValueError: unknown table, or records or a results file that may not be used.
        FileNotFoundError: no such file.
    """
    if name not in TABLES:
        raise ValueError(f"no table {name!r}; known: {', '.join(TABLES)}")
    spec, configs = TABLES[name], configs_folder()
    if isinstance(spec, TextTable):
        return render(spec, form)
    if isinstance(spec, FileTable):
        return render(fill(spec, configs / spec.file, allow_dirty=allow_dirty), form)
    files = sources or [file for result in spec.results if (file := configs / result).is_file()]
    found = [record for file in files for record in read_records(file)]
    costs = read_costs(configs / COSTS) if (configs / COSTS).is_file() else None
    return render(build(spec, found, allow_dirty=allow_dirty, costs=costs), form)


def read_records(source: Path) -> list[Record]:
    """Records of a record file, of a results file, or of all record files below a folder.

    Raises:
        FileNotFoundError: no such file, or a folder without records.
        ValueError: a file that is neither.
    """
    if source.is_dir():
        files = sorted(source.rglob(RECORD_FILES))
        if not files:
            raise FileNotFoundError(f"no {RECORD_FILES} below {source}; tools/test.py writes them")
        return [records.read(file) for file in files]
    return records.read_results(source)


def _collect(sources: Sequence[Path], target: Path | None, *, allow_dirty: bool) -> int:
    if target is None:
        raise ValueError("--collect needs --into configs/<family>/results.json")
    new = [record for source in sources for record in read_records(source)]
    for record in new:
        if record.blemish and not allow_dirty:
            raise ValueError(
                f"record of {record.config} ({record.prompts}, seed {record.seed}): {record.blemish};"
                " commit and test again"
            )
    old = records.read_results(target) if target.is_file() else []
    merged = records.merge(old, new)
    records.write_results(merged, target)
    print(f"{target}: {len(new)} records in, {len(merged)} in all")
    return 0


def _readmes(files: Sequence[Path], rendered: partial[str], update: bool) -> int:
    num_stale = 0
    for file in files:
        try:
            text, stale = update_tables(file.read_text(), rendered)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        if stale and update:
            file.write_text(text)
            print(f"{file}: wrote {', '.join(stale)}")
        elif stale:
            names = ", ".join(stale)
            print(f"{file}: {names} differ from the results; run `make tables`", file=sys.stderr)
            num_stale += len(stale)
    return 1 if num_stale else 0
