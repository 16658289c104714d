"""One published number, and tables of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PAPER = "Open-Vocabulary SAM (ECCV 2024, arXiv 2401.02955)"


@dataclass(frozen=True)
class Reported:
    """One published number.

    Attributes:
        table: which published table.
        row: its row, as the source calls it.
        metric: what is measured, with the data set.
        value: percent, G, M, or a plain count.
        source: where it stands.
        note: what does not agree with it elsewhere; empty: nothing known.
    """

    table: str
    row: str
    metric: str
    value: float
    source: str
    note: str = ""


def numbers_of(
    table: str,
    metrics: Sequence[str],
    rows: Mapping[str, Sequence[float | None]],
    source: str,
    notes: Mapping[str, str] | None = None,
) -> list[Reported]:
    """A table's numbers, row by row.

    Args:
        table: name of the table.
        metrics: its columns.
        rows: row -> one value per column; None where the source has none.
        source: where they stand.
        notes: row -> note for all its numbers.

    Raises:
        ValueError: a row with another number of values, or a note without a row.
    """
    unknown = set(notes or {}) - set(rows)
    if unknown:
        raise ValueError(f"table {table}: notes on rows that do not exist: {sorted(unknown)}")
    return [
        Reported(table, row, metric, value, source, (notes or {}).get(row, ""))
        for row, values in rows.items()
        for metric, value in zip(metrics, values, strict=True)
        if value is not None
    ]
