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
    """One column.

    Attributes:
        key: a metric of a record, `macs`, `params`, or `seeds`, the number of records.
        title: as shown, with its unit where it is not percent.
        prompts: `box`, `center_point`, `semantic` or `detection:<boxes>:<labels>`; empty: the row's,
            or whichever record there is.
        group: title over neighbouring columns; empty: none.
        dataset: data set and split of its records; empty: the table's.
    """

    key: str
    title: str
    prompts: str = ""
    group: str = ""
    dataset: str = ""


def columns(prompts: str = "", group: str = "", dataset: str = "", **titles: str) -> tuple[Column, ...]:
    """Neighbouring columns that differ in key and title only; `titles`: key -> title."""
    return tuple(Column(key, title, prompts, group, dataset) for key, title in titles.items())


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        title: as shown.
        config: whose records fill it, such as `mini/ovsam_rn`; empty for a method that is not run here.
        reported: published numbers, in percent, G or M.
        also: configs of the same method on the table's other data sets.
        values: column key -> percent, for rows that are computed and not measured.
        prompts: of all its records, where columns name none: a detector's boxes.
    """

    title: str
    config: str = ""
    reported: Reported = ()
    also: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    prompts: str = ""

    @property
    def configs(self) -> tuple[str, ...]:
        """All configs of the row."""
        return (self.config, *self.also) if self.config else ()


@dataclass(frozen=True)
class TableSpec:
    """A table of records, with published numbers beside them.

    Attributes:
        name: of its markers in a README and of `make_tables NAME`.
        title: caption.
        results: results files that it is made from, relative to `configs/`.
        dataset: data set and split of its records where a column names no other.
        rows: in order.
        columns: in order, after the row's title.
        notes: footnotes.
        source: of the published numbers.
        missing: text of a cell that nothing was measured for.
        has_differences: whether measured minus reported means anything: not in a miniature.
    """

    name: str
    title: str
    results: tuple[str, ...]
    dataset: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    source: str = ""
    missing: str = NOT_MEASURED
    has_differences: bool = True

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets and splits of its columns."""
        return tuple(dict.fromkeys(column.dataset or self.dataset for column in self.columns))

    def reported(self, title: str) -> Reported:
        """Published numbers of the row with this title."""
        return next(row.reported for row in self.rows if row.title == title)


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are texts, such as published numbers with nothing of ours beside them.

    Attributes:
        groups: title over each column, the same for neighbours; empty: none has one.
    """

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileTable:
    """A table of single numbers in a results file that is no list of records.

    Attributes:
        file: JSON, relative to `configs/`.
        header: titles of the column of titles and of those of numbers.
        rows: title -> place of its numbers in the file, such as `train.box.{}`.
        parts: what stands for `{}` in each column of numbers.
        states: place -> value of what title and notes say of the measurement.
    """

    name: str
    title: str
    file: str
    header: tuple[str, ...]
    rows: Mapping[str, str]
    parts: tuple[str, ...] = ("",)
    notes: tuple[str, ...] = ()
    states: Mapping[str, Any] = field(default_factory=dict)
