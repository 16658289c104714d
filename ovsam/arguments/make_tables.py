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
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="tables (default: all; a wrong name lists them)"
    )
    parser.add_argument("--records", nargs="+", type=Path, help="record or results files, or folders")
    parser.add_argument("--format", choices=FORMATS, default="markdown", help="of a table")
    parser.add_argument("--output", type=Path, help="write here instead of to the screen")
    parser.add_argument(
        "--allow-dirty", action="store_true", help="take records without commit, for your own tables"
    )
    parser.add_argument("--collect", nargs="+", type=Path, metavar="RECORDS", help="records to keep")
    parser.add_argument("--into", type=Path, metavar="RESULTS", help="results file of --collect")
    parser.add_argument("--check", action="store_true", help="compare the READMEs with the results")
    parser.add_argument("--update", action="store_true", help="write the tables of the READMEs")
    parser.add_argument(
        "--readme",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="default: README.md, docs/*.md, configs/**/README.md",
    )
