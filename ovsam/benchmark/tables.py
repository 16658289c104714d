"""Tables: records to rows, mean and spread over seeds, as Markdown, LaTeX, CSV or JSON.

A cell without a record says so; nothing is filled in. Rows, columns and titles come from `specs`.
"""

import csv
import io
import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ovsam.benchmark.records import PROMPTS, Record, metric_names
from ovsam.benchmark.specs import Column, FileTable, ReportedTable, Row, TableSpec

NOT_MEASURED = "not measured"
NO_VALUE = "–"  # the method has no such number, such as an accuracy of masks only
INCOMPLETE = "incomplete"  # some of the seeds have a number, some have none
FORMATS = ("markdown", "latex", "csv", "json")
SCALES = {"macs": 1e9, "params": 1e6}


@dataclass(frozen=True)
class Cell:
    """One aggregated number.

    Attributes:
        mean: over seeds, in the column's unit; None where there is none.
        spread: sample standard deviation over seeds; None for one seed.
        num_seeds: number of records behind it; 0 where nothing was measured.
        is_given: computed beforehand, not measured.
        is_incomplete: only some of the records have a number, so there is no mean of them all.
    """

    mean: float | None = None
    spread: float | None = None
    num_seeds: int = 0
    is_given: bool = False
    is_incomplete: bool = False


@dataclass(frozen=True)
class Table:
    """Cells of one table, rows and columns as in `spec`."""

    spec: TableSpec
    cells: tuple[tuple[Cell, ...], ...]

    @property
    def num_missing(self) -> int:
        """Cells that nothing was measured for."""
        cells = [cell for row in self.cells for cell in row]
        return sum(cell.num_seeds == 0 and not cell.is_given for cell in cells)


def build(spec: TableSpec, records: Sequence[Record], *, allow_dirty: bool = False) -> Table:
    """Fill a table.

    Args:
        spec: which table.
        records: of any configs; those of other configs are not looked at.
        allow_dirty: accept records that may not be published, for tables of one's own.

    Raises:
        ValueError: a record that may not be published, two records for one cell and seed, records of
            one row whose configs, methods or data sets differ, seeds that differ between columns, or
            rows of another data set, other seeds or other numbers of instances than the rest.
    """
    by_row: list[tuple[Cell, ...]] = []
    found: list[Record] = []
    for row in spec.rows:
        own = [r for r in records if row.config and r.config == row.config and _is_asked(spec, r)]
        _check_row(own, allow_dirty)
        by_row.append(tuple(_cell(row, column, own) for column in spec.columns))
        found += own
    _check_comparable(spec, found)
    return Table(spec, tuple(by_row))


def fill(spec: FileTable, content: Mapping[str, Any] | None) -> ReportedTable:
    """Numbers of a results file in a table; `None` = there is no such file yet.

    Raises:
        KeyError: the file has no number at a place that the table names.
    """
    rows = tuple(
        (title, *(NOT_MEASURED if content is None else _at(content, place) for place in places))
        for title, places in spec.rows
    )
    return ReportedTable(spec.name, spec.title, spec.header, rows, spec.notes)


def _at(content: Mapping[str, Any], place: str) -> str:
    value: Any = content
    for part in place.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(f"the results file has nothing at {place!r} (no {part!r}); make it again")
        value = value[part]
    if value is None:
        return NO_VALUE
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


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


def _is_asked(spec: TableSpec, record: Record) -> bool:
    """Whether a table reads a record: one of detector boxes only where a column names it."""
    return record.prompts in PROMPTS or record.prompts in {column.prompts for column in spec.columns}


def _boxes_of(record: Record) -> str:
    """What makes counts comparable: nothing with prompts of the ground truth, else the detector."""
    return "" if record.prompts in PROMPTS else record.prompts


def _check_row(records: Sequence[Record], allow_dirty: bool) -> None:
    seen: set[tuple[str, int]] = set()
    for record in records:
        name = f"{record.config} ({record.prompts}, seed {record.seed})"
        if record.blemish and not allow_dirty:
            raise ValueError(
                f"{name} may not be published: {record.blemish}; commit, test again and collect, or use"
                " --allow-dirty for a table of your own"
            )
        if (record.prompts, record.seed) in seen:
            raise ValueError(f"two records for one cell: {name}")
        seen.add((record.prompts, record.seed))
    for what in ("config_digest", "dataset"):
        values = {getattr(record, what) for record in records}
        if len(values) > 1:
            raise ValueError(
                f"records of {records[0].config} differ in {what}: {sorted(values)}; a row is one"
                " config on one data set, test all seeds and prompts again"
            )
    seeds = {kind: {seed for prompts, seed in seen if prompts == kind} for kind, _ in seen}
    if len(set(map(frozenset, seeds.values()))) > 1:
        raise ValueError(f"seeds of {records[0].config} differ between prompts: {seeds}")


def _check_comparable(spec: TableSpec, records: Sequence[Record]) -> None:
    """Rows stand beside each other, so they must be of the same data, instances and seeds."""
    for record in records:
        if record.dataset != spec.dataset:
            raise ValueError(
                f"table {spec.name} is of {spec.dataset!r},"
                f" {record.config} was tested on {record.dataset!r}"
            )
    if len({record.data_sha256 for record in records}) > 1:
        files = sorted({(record.data_sha256[:12], record.config) for record in records})
        raise ValueError(f"records of table {spec.name} were tested on different annotations: {files}")
    for kind in {_boxes_of(record) for record in records}:
        alike = [record for record in records if _boxes_of(record) == kind]
        names = metric_names(alike[0].prompts)[1]
        counts = {tuple(record.metrics[name] for name in names) for record in alike}
        if len(counts) > 1:
            raise ValueError(f"records of table {spec.name} differ in {names}: {sorted(counts)}")
    seeds = {
        record.config: frozenset(r.seed for r in records if r.config == record.config)
        for record in records
    }
    if len(set(seeds.values())) > 1:
        shown = {config: sorted(values) for config, values in seeds.items()}
        raise ValueError(f"rows of table {spec.name} have different seeds: {shown}")


def _cell(row: Row, column: Column, records: Sequence[Record]) -> Cell:
    given = dict(row.values)
    if not row.config:
        return Cell(mean=given.get(column.key), is_given=True)
    own = [record for record in records if column.prompts in ("", record.prompts)]
    if column.key == "seeds":
        return Cell(mean=float(len(own)) if own else None, num_seeds=len(own))
    by_seed = {record.seed: _value(record, column.key) for record in own}
    values = [value for value in by_seed.values() if value is not None]
    if len(values) < len(by_seed) or not values:
        return Cell(num_seeds=len(by_seed), is_incomplete=bool(values))
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Cell(statistics.fmean(values), spread, len(values))


def _value(record: Record, key: str) -> float | None:
    if key in SCALES:
        return None if record.complexity is None else record.complexity[key] / SCALES[key]
    return record.metrics[key]


def _text(cell: Cell, key: str, plus_minus: str = " ± ") -> str:
    if cell.is_incomplete:
        return INCOMPLETE
    if cell.mean is None:
        return NO_VALUE if cell.num_seeds or cell.is_given else NOT_MEASURED
    if key in ("num_images", "num_base", "num_novel", "seeds"):
        return f"{cell.mean:,.0f}"
    if key in SCALES:
        return f"{cell.mean:,.1f}" if cell.mean >= 100 else f"{cell.mean:.2f}"
    spread = "" if cell.spread is None else f"{plus_minus}{cell.spread:.1f}"
    return f"{cell.mean:.1f}{spread}"


def grid(table: Table | ReportedTable, plus_minus: str = " ± ") -> tuple[list[str], list[list[str]]]:
    """Header and lines, with the group of a column before its title."""
    if isinstance(table, ReportedTable):
        return list(table.header), [list(row) for row in table.rows]
    columns = table.spec.columns
    header = ["Method", *(f"{c.group}: {c.title}" if c.group else c.title for c in columns)]
    lines = [
        [row.title, *(_text(cell, c.key, plus_minus) for cell, c in zip(cells, columns, strict=True))]
        for row, cells in zip(table.spec.rows, table.cells, strict=True)
    ]
    return header, lines


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
    columns: Sequence[Column] = table.spec.columns if isinstance(table, Table) else ()
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


def column_groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
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
    """One line per row; a measured column with its spread and number of seeds beside it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if isinstance(table, ReportedTable):
        writer.writerows([table.header, *table.rows])
        return out.getvalue()
    names = [_key(column) for column in table.spec.columns]
    writer.writerow(["method", "config", *(f"{n}{s}" for n in names for s in ("", " std", " seeds"))])
    for row, cells in zip(table.spec.rows, table.cells, strict=True):
        values = [v for cell in cells for v in (cell.mean, cell.spread, cell.num_seeds)]
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
            _key(column): {"mean": cell.mean, "std": cell.spread, "seeds": cell.num_seeds}
            for column, cell in zip(table.spec.columns, cells, strict=True)
        }
        found.append({"method": row.title, "config": row.config or None, "cells": values})
    return json.dumps({"title": title, "notes": notes, "rows": found}, indent=1) + "\n"


def _key(column: Column) -> str:
    return f"{column.prompts} {column.key}".strip()
