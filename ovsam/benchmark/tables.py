"""Tables of records: mean and spread over seeds in each cell, with the published number beside ours.

A cell without a record says so; nothing is filled in. Records that may not be published, or that cannot
stand beside each other, are refused.
"""

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ovsam.benchmark.records import PROMPTS, SEMANTIC, Record, metric_names
from ovsam.benchmark.specs.spec import Column, Row, TableSpec

SCALES = {"macs": 1e9, "params": 1e6}
#: Config -> `macs`, `params`, counted without weights.
Costs = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Cell:
    """One aggregated number, and the published one."""

    mean: float | None = None  # over seeds, in the column's unit; None where there is none
    spread: float | None = None  # sample standard deviation over seeds; None for one seed
    num_seeds: int = 0  # records behind it; 0 where nothing was measured
    is_given: bool = False  # computed beforehand, not measured
    is_incomplete: bool = False  # only some of the records have a number, so there is no mean of all
    reported: float | None = None  # published number, in the column's unit

    @property
    def is_missing(self) -> bool:
        """Whether nothing was measured for it."""
        return self.num_seeds == 0 and not self.is_given

    @property
    def difference(self) -> float | None:
        """Measured minus published."""
        return None if self.mean is None or self.reported is None else self.mean - self.reported


@dataclass(frozen=True)
class Table:
    """Cells of one table, rows and columns as in `spec`."""

    spec: TableSpec
    cells: tuple[tuple[Cell, ...], ...]


def build(
    spec: TableSpec,
    records: Sequence[Record],
    *,
    allow_dirty: bool = False,
    same_seeds: bool = True,
    costs: Costs | None = None,
) -> Table:
    """Fill a table.

    Args:
        spec: which table.
        records: of any configs; those of other configs are not looked at.
        allow_dirty: accept records that may not be published, for tables of one's own.
        same_seeds: refuse rows or prompts of other seeds than the rest; off for a sweep that goes on.
        costs: multiply-adds and parameters of configs without a record.

    Raises:
        ValueError: a record that may not be published, two records for one cell and seed, an IoU that is
            a fraction, or records of other data, instances, seeds or configs than those beside them.
    """
    by_row = [[record for record in records if _is_asked(spec, row, record)] for row in spec.rows]
    found = [record for own in by_row for record in own]
    for record in found:
        _check_record(record, allow_dirty)
    for row, own in zip(spec.rows, by_row, strict=True):
        _check_row(row, own)
    _check_comparable(spec, found, same_seeds)
    cells = []
    for row, own in zip(spec.rows, by_row, strict=True):
        made = [_cell(spec, row, column, own, costs or {}) for column in spec.columns]
        for place, number in enumerate(row.reported):
            made[place] = replace(made[place], reported=number)
        cells.append(tuple(made))
    return Table(spec, tuple(cells))


def _is_asked(spec: TableSpec, row: Row, record: Record) -> bool:
    """Whether a row reads a record: of detector boxes or label maps only where a column names it."""
    if record.config not in row.configs:
        return False
    if record.prompts == SEMANTIC and record.dataset not in spec.datasets:
        return False  # one config may be tested on further sets
    kinds = {column.prompts or row.prompts for column in spec.columns}
    return record.prompts in kinds or ("" in kinds and record.prompts in PROMPTS)


def _name(record: Record) -> str:
    return f"{record.config} ({record.prompts}, {record.dataset}, seed {record.seed})"


def _check_record(record: Record, allow_dirty: bool) -> None:
    if record.blemish and not allow_dirty:
        raise ValueError(
            f"{_name(record)} may not be published: {record.blemish}; commit, test again and collect, or"
            " use --allow-dirty for a table of your own"
        )
    # A mean IoU of at most 1 % is no result of a trained model but a fraction.
    means = {k: v for k, v in record.metrics.items() if k.startswith("iou") or k == "miou"}
    wrong = [key for key, value in means.items() if value is not None and 0 < value <= 1]
    if wrong and not record.blemish:
        raise ValueError(
            f"{_name(record)}: {', '.join(wrong)} look like fractions of 1; records hold percent"
        )


def _check_row(row: Row, records: Sequence[Record]) -> None:
    """A cell has one record of each seed, and all of one config."""
    names = [_name(record) for record in records]
    if double := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two records for one cell: {', '.join(sorted(double))}")
    _agree("config_digest", ((r.config, r.config_digest, r) for r in records))
    _agree("dataset", ((r.config, r.dataset, r) for r in records if r.prompts != SEMANTIC))
    _agree("config", ((f"row {row.title!r} on {r.dataset!r}", r.config, r) for r in records))


def _check_comparable(spec: TableSpec, records: Sequence[Record], same_seeds: bool) -> None:
    """Rows stand beside each other, so they must be of the same data, instances and seeds."""
    for record in records:
        if record.dataset not in spec.datasets:
            raise ValueError(
                f"table {spec.name} is of {' and '.join(map(repr, spec.datasets))},"
                f" {record.config} was tested on {record.dataset!r}"
            )
    _agree("data_sha256", ((r.dataset, r.data_sha256, r) for r in records))
    _agree("counts", ((_instances(r), str(_counts(r)), r) for r in records))
    if same_seeds:
        seeds = defaultdict(set)
        for r in records:
            seeds[r.config, r.prompts, r.dataset].add(r.seed)
        entries = ((r.dataset, tuple(sorted(seeds[r.config, r.prompts, r.dataset])), r) for r in records)
        _agree("seeds", entries)


def _instances(record: Record) -> str:
    """Whose counts are the same: those of one data set, with detector boxes those of the detector."""
    return record.dataset + ("" if record.prompts in PROMPTS else f", {record.prompts}")


def _counts(record: Record) -> dict[str, float | None]:
    return {name: record.metrics[name] for name in metric_names(record.prompts)[1]}


def _agree(what: str, entries: Iterable[tuple[str, Hashable, Record]]) -> None:
    """Raise ValueError where records of one group differ; `entries`: group, value, record."""
    groups: dict[str, dict[Hashable, str]] = defaultdict(dict)
    for group, value, record in entries:
        groups[group].setdefault(value, f"{value} of {record.config} ({record.prompts})")
    for group, values in groups.items():
        if len(values) > 1:
            raise ValueError(
                f"results of {group} differ in {what}: {', '.join(values.values())}; test them alike"
            )


def _cell(spec: TableSpec, row: Row, column: Column, records: Sequence[Record], costs: Costs) -> Cell:
    if not row.config:
        return Cell(mean=row.values.get(column.key), is_given=True)
    dataset = column.dataset or spec.dataset
    kind = column.prompts or row.prompts
    own = [r for r in records if kind in ("", r.prompts) and r.dataset == dataset]
    if column.key == "seeds":
        return Cell(mean=float(len(own)) if own else None, num_seeds=len(own))
    by_seed = {record.seed: _value(record, column.key) for record in own}
    values = [value for value in by_seed.values() if value is not None]
    if not values and column.key in SCALES and row.config in costs:
        return Cell(mean=costs[row.config][column.key] / SCALES[column.key], is_given=True)
    if len(values) < len(by_seed) or not values:
        return Cell(num_seeds=len(by_seed), is_incomplete=bool(values))
    spread = statistics.stdev(values) if len(values) > 1 else None
    return Cell(statistics.fmean(values), spread, len(values))


def _value(record: Record, key: str) -> float | None:
    if key in SCALES:
        return None if record.complexity is None else record.complexity[key] / SCALES[key]
    return record.metrics[key]
