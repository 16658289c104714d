"""Tables: records to cells, mean and spread over seeds, with the published number beside ours.

A cell without a record says so; nothing is filled in. Rows, columns and titles come from `specs`,
texts are made by `rendering`.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ovsam.benchmark.records import PROMPTS, SEMANTIC, Record, metric_names
from ovsam.benchmark.result_files import value_at
from ovsam.benchmark.specs.spec import (
    NOT_MEASURED,
    Column,
    FileTable,
    ReportedTable,
    Row,
    TableSpec,
)

NO_VALUE = "–"  # the method has no such number, such as an accuracy of masks only
SCALES = {"macs": 1e9, "params": 1e6}
SMALLEST_FIXED = 0.1  # what one decimal still shows; smaller numbers of a results file are errors
#: (table, row, metric) -> percent, G or M.
Published = Mapping[tuple[str, str, str], float]
#: Config -> `macs`, `params`, counted without weights.
Costs = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Cell:
    """One aggregated number, and the published one.

    Attributes:
        mean: over seeds, in the column's unit; None where there is none.
        spread: sample standard deviation over seeds; None for one seed.
        num_seeds: number of records behind it; 0 where nothing was measured.
        is_given: computed beforehand, not measured.
        is_incomplete: only some of the records have a number, so there is no mean of them all.
        reported: published number, in the column's unit.
    """

    mean: float | None = None
    spread: float | None = None
    num_seeds: int = 0
    is_given: bool = False
    is_incomplete: bool = False
    reported: float | None = None

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

    @property
    def num_missing(self) -> int:
        """Cells that nothing was measured for."""
        return sum(cell.is_missing for row in self.cells for cell in row)


def build(
    spec: TableSpec,
    records: Sequence[Record],
    *,
    allow_dirty: bool = False,
    same_seeds: bool = True,
    published: Published | None = None,
    costs: Costs | None = None,
) -> Table:
    """Fill a table.

    Args:
        spec: which table.
        records: of any configs; those of other configs are not looked at.
        allow_dirty: accept records that may not be published, for tables of one's own.
        same_seeds: refuse rows or prompts of other seeds than the rest; off for a sweep that goes on.
        published: numbers that rows and columns name as `reported`.
        costs: multiply-adds and parameters of configs without a record.

    Raises:
        ValueError: a record that may not be published, two records for one cell and seed, records of
            one config whose digests or data sets differ, seeds that differ between columns, an IoU that
            is a fraction, or rows of another data set, other seeds or other numbers of instances than
            the rest.
    """
    by_row: list[tuple[Cell, ...]] = []
    found: list[Record] = []
    for row in spec.rows:
        own = [r for r in records if r.config in row.configs and _is_asked(spec, row, r)]
        for config in row.configs:
            of_config = [record for record in own if record.config == config]
            _check_config(of_config, allow_dirty)
            if same_seeds:
                _check_seeds_of_prompts(of_config)
        _check_one_config_per_dataset(row, own)
        by_row.append(
            tuple(
                replace(
                    _cell(spec, row, column, own, costs or {}),
                    reported=_reported(spec, row, column, published or {}),
                )
                for column in spec.columns
            )
        )
        found += own
    _check_comparable(spec, found, same_seeds)
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
    value = value_at(content, place)
    if value is None:
        return NO_VALUE
    if isinstance(value, Mapping):  # over seeds
        return f"{value['mean']:.1f}" + (f" ± {value['sd']:.1f}" if "sd" in value else "")
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if value == 0 or abs(value) >= SMALLEST_FIXED else f"{value:.1e}"


def _is_asked(spec: TableSpec, row: Row, record: Record) -> bool:
    """Whether a table reads a record: of detector boxes or label maps only where a column names it."""
    if record.prompts == SEMANTIC and record.dataset not in spec.datasets:
        return False  # one config may be tested on further sets
    kinds = {column.prompts or row.prompts for column in spec.columns}
    return record.prompts in kinds or ("" in kinds and record.prompts in PROMPTS)


def _boxes_of(record: Record) -> str:
    """What makes counts comparable: nothing with prompts of the ground truth, else the detector."""
    return "" if record.prompts in PROMPTS else record.prompts


def _set_of(record: Record) -> str:
    """The set of label maps of a record: one config may be tested on several, by `test --sets`."""
    return record.dataset if record.prompts == SEMANTIC else ""


def _check_config(records: Sequence[Record], allow_dirty: bool) -> None:
    seen: set[tuple[str, str, int]] = set()
    for record in records:
        name = f"{record.config} ({record.prompts}, {record.dataset}, seed {record.seed})"
        if record.blemish and not allow_dirty:
            raise ValueError(
                f"{name} may not be published: {record.blemish}; commit, test again and collect, or use"
                " --allow-dirty for a table of your own"
            )
        if not record.blemish:
            _check_unit(record, name)
        place = (record.prompts, _set_of(record), record.seed)
        if place in seen:
            raise ValueError(f"two records for one cell: {name}")
        seen.add(place)
    for what, values in (
        ("config_digest", {record.config_digest for record in records}),
        ("dataset", {record.dataset for record in records if not _set_of(record)}),
    ):
        if len(values) > 1:
            raise ValueError(
                f"records of {records[0].config} differ in {what}: {sorted(values)}; a row is one"
                " config on one data set, test all seeds and prompts again"
            )


def _check_seeds_of_prompts(records: Sequence[Record]) -> None:
    seen = [(record.prompts, record.seed) for record in records]
    seeds = {kind: {seed for prompts, seed in seen if prompts == kind} for kind, _ in seen}
    if len(set(map(frozenset, seeds.values()))) > 1:
        raise ValueError(f"seeds of {records[0].config} differ between prompts: {seeds}")


def _check_unit(record: Record, name: str) -> None:
    """A mean IoU of at most 1 % is no result of a trained model but a fraction."""
    means = {k: v for k, v in record.metrics.items() if k.startswith("iou") or k == "miou"}
    wrong = [key for key, value in means.items() if value is not None and 0 < value <= 1]
    if wrong:
        raise ValueError(f"{name}: {', '.join(wrong)} look like fractions of 1; records hold percent")


def _check_one_config_per_dataset(row: Row, records: Sequence[Record]) -> None:
    """A cell is of one config, also where a row has one for each data set."""
    for dataset in {record.dataset for record in records}:
        configs = sorted({record.config for record in records if record.dataset == dataset})
        if len(configs) > 1:
            raise ValueError(f"row {row.title!r} has results of {configs} on {dataset!r}; keep one")


def _check_comparable(spec: TableSpec, records: Sequence[Record], same_seeds: bool) -> None:
    """Rows stand beside each other, so they must be of the same data, instances and seeds."""
    for record in records:
        if record.dataset not in spec.datasets:
            raise ValueError(
                f"table {spec.name} is of {' and '.join(map(repr, spec.datasets))},"
                f" {record.config} was tested on {record.dataset!r}"
            )
    for dataset in spec.datasets:
        of_dataset = [record for record in records if record.dataset == dataset]
        _check_alike(spec, of_dataset)
        if same_seeds:
            _check_seeds_of_rows(spec, of_dataset)


def _check_alike(spec: TableSpec, records: Sequence[Record]) -> None:
    """Records of one data set: the same annotations, the same instances."""
    if len({record.data_sha256 for record in records}) > 1:
        files = sorted({(record.data_sha256[:12], record.config) for record in records})
        raise ValueError(f"records of table {spec.name} were tested on different annotations: {files}")
    for kind in {_boxes_of(record) for record in records}:
        alike = [record for record in records if _boxes_of(record) == kind]
        names = metric_names(alike[0].prompts)[1]
        counts = {tuple(record.metrics[name] for name in names) for record in alike}
        if len(counts) > 1:
            raise ValueError(f"records of table {spec.name} differ in {names}: {sorted(counts)}")


def _check_seeds_of_rows(spec: TableSpec, records: Sequence[Record]) -> None:
    seeds = {
        record.config: frozenset(r.seed for r in records if r.config == record.config)
        for record in records
    }
    if len(set(seeds.values())) > 1:
        shown = {config: sorted(values) for config, values in seeds.items()}
        raise ValueError(f"rows of table {spec.name} have different seeds: {shown}")


def _cell(spec: TableSpec, row: Row, column: Column, records: Sequence[Record], costs: Costs) -> Cell:
    if not row.config:
        return Cell(mean=dict(row.values).get(column.key), is_given=True)
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


def _reported(spec: TableSpec, row: Row, column: Column, published: Published) -> float | None:
    """The published number of a cell; None where the source has none."""
    return published.get((row.published or spec.published, row.reported, column.reported))


def _value(record: Record, key: str) -> float | None:
    if key in SCALES:
        return None if record.complexity is None else record.complexity[key] / SCALES[key]
    return record.metrics[key]
