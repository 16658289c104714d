"""What a table consists of: columns, rows, and where published numbers stand beside ours."""

from dataclasses import dataclass
from typing import Any

NOT_MEASURED = "not measured"
NEEDS_WEIGHTS = "not measured here: needs weights"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: a metric of a record, `macs`, `params`, `num_images`, `num_base`, `num_novel` or `seeds`.
        title: as shown, with its unit where it is not percent.
        prompts: `box`, `center_point`, `semantic` or `detection:<boxes>:<labels>`; empty:
            whichever record there is.
        group: title over neighbouring columns; empty: none.
        dataset: data set and split of its records; empty: the table's.
        reported: metric of the published numbers that stand beside it; empty: none do.
    """

    key: str
    title: str
    prompts: str = ""
    group: str = ""
    dataset: str = ""
    reported: str = ""


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        config: whose records fill it, such as `mini/ovsam_rn`; empty for a row without a config.
        title: as shown.
        values: column key -> percent, for rows that are computed and not measured.
        also: configs of the same method on the table's other data sets.
        reported: row of the published numbers; empty: there is none.
        published: published table of that row, where it is not the table's.
        prompts: of all its records, where columns name none: a detector's boxes.
    """

    config: str
    title: str
    values: tuple[tuple[str, float], ...] = ()
    also: tuple[str, ...] = ()
    reported: str = ""
    published: str = ""
    prompts: str = ""

    @property
    def configs(self) -> tuple[str, ...]:
        """All configs of the row."""
        return tuple(config for config in (self.config, *self.also) if config)


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: of its markers in a README and of `make_tables NAME`.
        title: caption.
        results: results files that it is made from, relative to `configs/`.
        dataset: data set and split of its records where a column names no other.
        rows: in order.
        columns: in order, after the row's title.
        notes: footnotes.
        published: published table that the rows' and columns' `reported` are looked up in.
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
    published: str = ""
    missing: str = NOT_MEASURED
    has_differences: bool = True

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets and splits of its columns."""
        return tuple(dict.fromkeys(column.dataset or self.dataset for column in self.columns))


@dataclass(frozen=True)
class ReportedTable:
    """A table of published numbers only."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileTable:
    """A table of single numbers in a results file that is no list of records.

    Attributes:
        file: JSON, relative to `configs/`.
        rows: title, and for every column after it the place of its number in the file, such as
            `train.box.iou`.
        states: place and value of what title and notes say of the measurement.
    """

    name: str
    title: str
    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()
    states: tuple[tuple[str, Any], ...] = ()
