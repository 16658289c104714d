"""What a table consists of: columns, and rows with the published numbers beside ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_MEASURED = "not measured"
NEEDS_WEIGHTS = "not measured here: needs weights"
NO_VALUE = "–"  # the method has no such number, such as an accuracy of masks only

#: One published number for each of a table's first columns; None where the source has none.
Reported = tuple[float | None, ...]


@dataclass(frozen=True)
class Column:
    """One column."""

    key: str  # a metric of a record, `macs`, `params`, or `seeds`, the number of records
    title: str  # as shown, with its unit where it is not percent
    # `box`, `center_point`, `semantic` or `detection:<boxes>:<labels>`; empty: the row's, or any
    prompts: str = ""
    group: str = ""  # title over neighbouring columns; empty: none
    dataset: str = ""  # data set and split of its records; empty: the table's


def columns(prompts: str = "", group: str = "", dataset: str = "", **titles: str) -> tuple[Column, ...]:
    """Neighbouring columns that differ in key and title only; `titles`: key -> title."""
    return tuple(Column(key, title, prompts, group, dataset) for key, title in titles.items())


@dataclass(frozen=True)
class Row:
    """One method."""

    title: str
    config: str = ""  # whose records fill it, such as `mini/ovsam_rn`; empty for one not run here
    reported: Reported = ()  # published numbers, in percent, G or M
    also: tuple[str, ...] = ()  # configs of the same method on the table's other data sets
    # column key -> percent, for rows that are computed and not measured
    values: Mapping[str, float] = field(default_factory=dict)
    prompts: str = ""  # of all its records, where columns name none: a detector's boxes

    @property
    def configs(self) -> tuple[str, ...]:
        """All configs of the row."""
        return (self.config, *self.also) if self.config else ()


@dataclass(frozen=True)
class TableSpec:
    """A table of records, with published numbers beside them."""

    name: str  # of its markers in a README and of `make_tables NAME`
    title: str  # caption
    results: tuple[str, ...]  # results files that it is made from, relative to `configs/`
    dataset: str  # data set and split of its records where a column names no other
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]  # after the row's title
    notes: tuple[str, ...] = ()  # footnotes
    source: str = ""  # of the published numbers
    missing: str = NOT_MEASURED  # text of a cell that nothing was measured for
    has_differences: bool = True  # whether measured minus reported means anything: not in a miniature

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets and splits of its columns."""
        return tuple(dict.fromkeys(column.dataset or self.dataset for column in self.columns))

    def reported(self, title: str) -> Reported:
        """Published numbers of the row with this title."""
        return next(row.reported for row in self.rows if row.title == title)


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are texts, such as published numbers with nothing of ours beside them."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()  # title over each column, the same for neighbours; empty: none has one


@dataclass(frozen=True)
class FileTable:
    """A table of single numbers in a results file that is no list of records."""

    name: str
    title: str
    file: str  # JSON, relative to `configs/`
    header: tuple[str, ...]  # titles of the column of titles and of those of numbers
    rows: Mapping[str, str]  # title -> place of its numbers in the file, such as `train.box.{}`
    parts: tuple[str, ...] = ("",)  # what stands for `{}` in each column of numbers
    # title -> text of a last column, which only a table of remarks has
    remarks: Mapping[str, str] = field(default_factory=dict)
    number_format: str = ""  # of numbers with decimals, as Python's; empty: one decimal
    may_lack: bool = False  # whether rows may be missing in the file, and numbers in a row
    notes: tuple[str, ...] = ()
    # place -> value of what title and notes say of the measurement
    states: Mapping[str, Any] = field(default_factory=dict)
