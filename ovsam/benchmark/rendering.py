"""Rendering: tables as Markdown, LaTeX, CSV or JSON, and as the text between the markers of a README.

Measured and published numbers never share a column: a column that has published numbers beside it is
drawn as three, measured, reported and difference.
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from ovsam.benchmark.specs.spec import NO_VALUE, Column, TextTable
from ovsam.benchmark.tables import SCALES, Cell, Table

INCOMPLETE = "incomplete"  # some of the seeds have a number, some have none
FORMATS = ("markdown", "latex", "csv", "json")
#: A table in a README: the text between `<!-- table:NAME -->` and `<!-- /table -->`.
BLOCK = re.compile(r"(<!-- table:(?P<name>[\w-]+) -->\n)(?P<body>.*?)(<!-- /table -->)", re.DOTALL)
OPENING = re.compile(r"<!-- table:[\w-]+ -->")


def render(table: Table | TextTable, form: str = "markdown") -> str:
    """Text of a table in one of `FORMATS`; ValueError for another format."""
    if form not in FORMATS:
        raise ValueError(f"format must be one of {FORMATS}, got {form!r}")
    if form in ("csv", "json"):
        return _csv(table) if form == "csv" else _json(table)
    text = as_text(table) if isinstance(table, Table) else table
    return _markdown(text) if form == "markdown" else _latex(text)


def update_tables(text: str, rendered: Callable[[str], str]) -> tuple[str, list[str]]:
    """`text` with every table's body replaced by `rendered(name)`, and the names of those that changed.

    Raises:
        ValueError: an opening marker without a closing one.
    """
    found = list(BLOCK.finditer(text))
    if len(found) != len(OPENING.findall(text)):
        raise ValueError("a line `<!-- table:NAME -->` has no `<!-- /table -->` after it")
    new = {match["name"]: rendered(match["name"]) for match in found}
    stale = [match["name"] for match in found if match["body"] != new[match["name"]]]
    return BLOCK.sub(lambda match: f"{match[1]}{new[match['name']]}{match[4]}", text), stale


def as_text(table: Table) -> TextTable:
    """A filled table with all its cells as texts.

    Where published numbers stand beside a column that has no measured one at all, only they are drawn;
    one column at the end says that the rest was not measured.
    """
    spec = table.spec
    drawn = [("", "Method", [row.title for row in spec.rows])]  # group, title, cells
    has_gap = False
    for column, cells in zip(spec.columns, zip(*table.cells, strict=True), strict=True):
        measured = [_measured(cell, column.key, spec.missing) for cell in cells]
        if not any(cell.reported is not None for cell in cells):
            drawn.append((column.group, column.title, measured))
            continue
        is_gap = all(cell.mean is None and not cell.num_seeds for cell in cells)
        has_gap = has_gap or is_gap
        if not is_gap:
            drawn.append((column.group, column.title, measured))
        title = f"{column.title} {'reported' if spec.has_differences else 'in the paper'}"
        drawn.append((column.group, title, [_reported(cell, column.key) for cell in cells]))
        if spec.has_differences and not is_gap:
            title = f"{column.title} difference"
            drawn.append((column.group, title, [_difference(cell) for cell in cells]))
    if has_gap:
        gaps = [any(cell.is_missing for cell in row) for row in table.cells]
        drawn.append(("", "measured", [spec.missing if is_gap else NO_VALUE for is_gap in gaps]))
    groups, header, texts = zip(*drawn, strict=True)
    rows = tuple(zip(*texts, strict=True))
    return TextTable(spec.name, spec.title, header, rows, spec.notes, groups)


def group_widths(table: TextTable) -> list[tuple[str, int]]:
    """(group title, number of columns) of neighbours with the same title, "" where there is none."""
    return [(title, len(list(same))) for title, same in itertools.groupby(table.groups)]


def _measured(cell: Cell, key: str, missing: str) -> str:
    if cell.is_incomplete:
        return INCOMPLETE
    if cell.mean is None:
        return missing if cell.is_missing else NO_VALUE
    if key == "seeds" or key.startswith("num_"):
        return f"{cell.mean:,.0f}"
    if key in SCALES:
        return f"{cell.mean:,.1f}" if cell.mean >= 100 else f"{cell.mean:.2f}"
    return f"{cell.mean:.1f}" + ("" if cell.spread is None else f" ± {cell.spread:.1f}")


def _reported(cell: Cell, key: str) -> str:
    """As the source prints it: percent with one decimal, costs whole unless the source has more."""
    value = cell.reported
    if value is None:
        return NO_VALUE
    return f"{value:,.0f}" if key in SCALES and value == int(value) else f"{value:,.1f}"


def _difference(cell: Cell) -> str:
    return NO_VALUE if cell.difference is None else f"{cell.difference:+,.1f}"


def _markdown(table: TextTable) -> str:
    groups = table.groups or [""] * len(table.header)
    header = [f"{g}: {title}" if g else title for g, title in zip(groups, table.header, strict=True)]
    rule = ["---"] + ["---:"] * (len(header) - 1)
    body = ["| " + " | ".join(cells) + " |" for cells in (header, rule, *table.rows)]
    return "\n".join([f"**{table.title}**", "", *body, "", *table.notes]) + "\n"


def _latex(table: TextTable) -> str:
    lines = (table.header, *table.rows)
    header, *body = (" & ".join(map(_latex_text, cells)) + r" \\" for cells in lines)
    rows = "\n".join(body)
    groups = "".join(f"{line}\n" for line in _latex_groups(table) if any(table.groups))
    return rf"""\begin{{table}}
\caption{{{_latex_text(table.title)}. {_latex_text(" ".join(table.notes))}}}
\begin{{tabular}}{{l{"r" * (len(table.header) - 1)}}}
\toprule
{groups}{header}
\midrule
{rows}
\bottomrule
\end{{tabular}}
\end{{table}}
"""


def _latex_groups(table: TextTable) -> list[str]:
    """A line with the group titles, each over its columns, and the rules below them."""
    cells: list[str] = []
    rules, place = [], 1
    for title, width in group_widths(table):
        if title:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{_latex_text(title)}}}")
            rules.append(rf"\cmidrule(lr){{{place}-{place + width - 1}}}")
        else:
            cells.extend([""] * width)
        place += width
    return [" & ".join(cells) + r" \\", " ".join(rules)]


def _latex_text(text: str) -> str:
    plain = text.replace(" ± ", r" $\pm$ ").replace("–", "--").replace("`", "")
    for sign in "%&_#":
        plain = plain.replace(sign, "\\" + sign)
    return plain


def _csv(table: Table | TextTable) -> str:
    """One line per row; beside a mean its spread, seeds, published number and difference."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if isinstance(table, TextTable):
        writer.writerows([table.header, *table.rows])
        return out.getvalue()
    names = [_key(column) for column in table.spec.columns]
    suffixes = ("", " std", " seeds", " reported", " difference")
    writer.writerow(["method", "config", *(f"{n}{s}" for n in names for s in suffixes)])
    for entry in _entries(table):
        values = [value for cell in entry["cells"].values() for value in cell.values()]
        writer.writerow([entry["method"], entry["config"], *values])
    return out.getvalue()


def _json(table: Table | TextTable) -> str:
    if isinstance(table, Table):
        spec: Any = table.spec
        rows = list(_entries(table))
    else:
        spec = table
        rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    return json.dumps({"title": spec.title, "notes": spec.notes, "rows": rows}, indent=1) + "\n"


def _entries(table: Table) -> Iterator[dict[str, Any]]:
    """Rows of numbers; None where there is none, and 0 seeds where nothing was measured."""
    spec = table.spec
    for row, cells in zip(spec.rows, table.cells, strict=True):
        numbers = {
            _key(column): {
                "mean": cell.mean,
                "std": cell.spread,
                "seeds": cell.num_seeds,
                "reported": cell.reported,
                "difference": cell.difference if spec.has_differences else None,
            }
            for column, cell in zip(spec.columns, cells, strict=True)
        }
        entry = {"method": row.title, "config": row.config or None, "cells": numbers}
        yield entry | ({"missing": spec.missing} if any(c.is_missing for c in cells) else {})


def _key(column: Column) -> str:
    return " ".join(part for part in (column.dataset, column.prompts, column.key) if part)
