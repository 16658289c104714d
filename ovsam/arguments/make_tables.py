"""`ovsam make_tables`: collect records into results files, and turn results into tables.

make_tables mini --format latex                    the table of the committed results
make_tables mini --records work_dirs/quickstart    of one's own runs (files or folders)
make_tables --collect work_dirs/... --into configs/mini/results.json
make_tables --update                               write the tables between the markers of the READMEs
make_tables --check                                fail if one of them is not what would be written
"""

import argparse
from pathlib import Path

FORMATS = ("markdown", "latex", "csv", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="tables (default: all; a wrong name lists them)")
    add("--records", nargs="+", type=Path, help="record or results files, or folders")
    add("--format", choices=FORMATS, default="markdown", help="of a table")
    add("--output", type=Path, help="write here instead of to the screen")
    add("--allow-dirty", action="store_true", help="take records without commit, for your own tables")
    add("--collect", nargs="+", type=Path, metavar="RECORDS", help="records to keep")
    add("--into", type=Path, metavar="RESULTS", help="results file of --collect")
    add("--check", action="store_true", help="compare the READMEs with the results")
    add("--update", action="store_true", help="write the tables of the READMEs")
    add(
        "--readme",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="default: README.md, docs/*.md, configs/**/README.md",
    )
