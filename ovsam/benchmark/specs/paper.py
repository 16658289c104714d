"""Tables of the paper: ours measured, the published number beside it, and their difference."""

from ovsam.benchmark.reported import MAIN_METRICS, MAIN_ROWS, MAIN_SOURCE
from ovsam.benchmark.specs.spec import ReportedTable, TableSpec


def _printed(value: float) -> str:
    """As the source prints it: costs whole, percent with one decimal."""
    return f"{value:,.0f}" if value > 100 else f"{value:.1f}"


PAPER_TABLES: dict[str, TableSpec | ReportedTable] = {
    "reported-main": ReportedTable(
        name="reported-main",
        title="The published main table (full size, ground-truth boxes)",
        header=("Method", *MAIN_METRICS),
        rows=tuple((name, *map(_printed, values)) for name, values in MAIN_ROWS.items()),
        notes=(f"Reported, not measured here. Source: {MAIN_SOURCE}.",),
    ),
}
