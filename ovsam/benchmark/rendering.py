"""Rendering: tables as Markdown, LaTeX, CSV or JSON.

Measured and published numbers never share a column: a column that has published numbers beside it is
drawn as three, measured, reported and difference.
"""

import csv
import io
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ovsam.benchmark.specs.spec import Column, ReportedTable
from ovsam.benchmark.tables import NO_VALUE, SCALES, Cell, Table

INCOMPLETE = "incomplete"  # some of the seeds have a number, some have none
FORMATS = ("markdown", "latex", "csv", "json")
COUNTS = ("num_images", "num_base", "num_novel", "num_detections", "num_classes", "seeds")
MEASURED, REPORTED, DIFFERENCE, GAP = "measured", "reported", "difference", "gap"


@dataclass(frozen=True)
class Head:
    """One drawn column.

    Attributes:
        group: title over neighbouring columns; empty: none.
        title: as shown.
        kind: what of a cell stands there; `GAP` says once per row that nothing was measured.
        index: of the column in the spec; -1 for `GAP`.
    """

    group: str
    title: str
    kind: str = MEASURED
    index: int = -1


def render(table: Table | ReportedTable, form: str = "markdown") -> str:
    """Text of a table.

    Args:
        table: filled table, or one of published numbers.
        form: one of `FORMATS`.

    Raises:
        ValueError: unknown format.
    """
    writers = {"markdown": _markdown, "latex": _latex, "csv": _csv, "json": _json}
    if form not in writers:
        raise ValueError(f"format must be one of {FORMATS}, got {form!r}")
    return writers[form](table)


def heads(table: Table) -> list[Head]:
    """Drawn columns after the row's title.

    Where published numbers stand beside a column that has no measured one at all, only they are drawn;
    one column at the end says that the rest was not measured.
    """
    found: list[Head] = []
    has_gap = False
    for index, column in enumerate(table.spec.columns):
        cells = [row[index] for row in table.cells]
        if not any(cell.reported is not None for cell in cells):
            found.append(Head(column.group, column.title, MEASURED, index))
            continue
        title = f"{column.title} {'reported' if table.spec.has_differences else 'in the paper'}"
        if all(cell.mean is None and not cell.num_seeds for cell in cells):
            has_gap = True
            found.append(Head(column.group, title, REPORTED, index))
            continue
        found.append(Head(column.group, column.title, MEASURED, index))
        found.append(Head(column.group, title, REPORTED, index))
        if table.spec.has_differences:
            found.append(Head(column.group, f"{column.title} difference", DIFFERENCE, index))
    if has_gap:
        found.append(Head("", "measured", GAP))
    return found


def grid(table: Table | ReportedTable, plus_minus: str = " ± ") -> tuple[list[str], list[list[str]]]:
    """Header and lines, with the group of a column before its title."""
    if isinstance(table, ReportedTable):
        return list(table.header), [list(row) for row in table.rows]
    columns = heads(table)
    header = ["Method", *(f"{c.group}: {c.title}" if c.group else c.title for c in columns)]
    lines = [
        [row.title, *(_text(table, cells, head, plus_minus) for head in columns)]
        for row, cells in zip(table.spec.rows, table.cells, strict=True)
    ]
    return header, lines


def _text(table: Table, cells: Sequence[Cell], head: Head, plus_minus: str) -> str:
    if head.kind == GAP:
        return table.spec.missing if any(cell.is_missing for cell in cells) else NO_VALUE
    cell, key = cells[head.index], table.spec.columns[head.index].key
    if head.kind == REPORTED:
        return NO_VALUE if cell.reported is None else _published(cell.reported, key)
    if head.kind == DIFFERENCE:
        return NO_VALUE if cell.difference is None else f"{cell.difference:+,.1f}"
    if cell.is_incomplete:
        return INCOMPLETE
    if cell.mean is None:
        return table.spec.missing if cell.is_missing else NO_VALUE
    if key in COUNTS:
        return f"{cell.mean:,.0f}"
    if key in SCALES:
        return f"{cell.mean:,.1f}" if cell.mean >= 100 else f"{cell.mean:.2f}"
    spread = "" if cell.spread is None else f"{plus_minus}{cell.spread:.1f}"
    return f"{cell.mean:.1f}{spread}"


def _published(value: float, key: str) -> str:
    """As the source prints it: percent with one decimal, costs whole unless the source has more."""
    return f"{value:,.0f}" if key in SCALES and value == int(value) else f"{value:,.1f}"


def _heading(table: Table | ReportedTable) -> tuple[str, tuple[str, ...]]:
    spec = table.spec if isinstance(table, Table) else table
    return spec.title, spec.notes


def _markdown(table: Table | ReportedTable) -> str:
    header, lines = grid(table)
    title, notes = _heading(table)
    rule = ["---"] + ["---:"] * (len(header) - 1)
    body = ["| " + " | ".join(cells) + " |" for cells in (header, rule, *lines)]
    return "\n".join([f"**{title}**", "", *body, "", *notes]) + "\n"


def _latex(table: Table | ReportedTable) -> str:
    header, lines = grid(table, plus_minus=r" $\pm$ ")
    title, notes = _heading(table)
    columns = heads(table) if isinstance(table, Table) else []
    top = _latex_groups(column_groups(columns)) if any(c.group for c in columns) else []
    names = ["Method", *(column.title for column in columns)] if columns else header
    body = [" & ".join(_latex_text(cell) for cell in cells) + r" \\" for cells in (names, *lines)]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_latex_text(title)}. {_latex_text(' '.join(notes))}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(names) - 1)}}}",
            r"\toprule",
            *top,
            body[0],
            r"\midrule",
            *body[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def column_groups(columns: Sequence[Head]) -> list[tuple[str, int]]:
    """(title, number of columns) of neighbours with the same group title, "" where there is none."""
    return [(title, len(list(group))) for title, group in itertools.groupby(columns, lambda c: c.group)]


def _latex_groups(groups: Sequence[tuple[str, int]]) -> list[str]:
    """A line with the group titles, each over its columns, and the rules below them."""
    cells, rules, place = [""], [], 2
    for title, width in groups:
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


def _csv(table: Table | ReportedTable) -> str:
    """One line per row; beside a mean its spread, seeds, published number and difference."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if isinstance(table, ReportedTable):
        writer.writerows([table.header, *table.rows])
        return out.getvalue()
    names = [_key(column) for column in table.spec.columns]
    suffixes = ("", " std", " seeds", " reported", " difference")
    writer.writerow(["method", "config", *(f"{n}{s}" for n in names for s in suffixes)])
    for row, cells in zip(table.spec.rows, table.cells, strict=True):
        values = [v for cell in cells for v in _numbers(table, cell).values()]
        writer.writerow([row.title, row.config, *("" if v is None else v for v in values)])
    return out.getvalue()


def _json(table: Table | ReportedTable) -> str:
    title, notes = _heading(table)
    if isinstance(table, ReportedTable):
        rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
        return json.dumps({"title": title, "notes": notes, "rows": rows}, indent=1) + "\n"
    found = []
    for row, cells in zip(table.spec.rows, table.cells, strict=True):
        values = {
            _key(column): _numbers(table, cell)
            for column, cell in zip(table.spec.columns, cells, strict=True)
        }
        entry: dict[str, Any] = {"method": row.title, "config": row.config or None, "cells": values}
        if any(cell.is_missing for cell in cells):
            entry["missing"] = table.spec.missing
        found.append(entry)
    return json.dumps({"title": title, "notes": notes, "rows": found}, indent=1) + "\n"


def _key(column: Column) -> str:
    return " ".join(part for part in (column.dataset, column.prompts, column.key) if part)


def _numbers(table: Table, cell: Cell) -> dict[str, float | int | None]:
    """Numbers of a cell; None where there is none, and 0 seeds where nothing was measured."""
    return {
        "mean": cell.mean,
        "std": cell.spread,
        "seeds": cell.num_seeds,
        "reported": cell.reported,
        "difference": cell.difference if table.spec.has_differences else None,
    }
