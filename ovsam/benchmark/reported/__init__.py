"""Published numbers, with their source: shown beside ours, never in the same column.

Metrics in percent, multiply-adds in G, parameters in M, as printed by the sources. "FLOPs" of the
published tables are multiply-adds, of promptable models at 1024x1024 for 10 prompts. What does not
agree between tables is kept as it is printed, with a note on the number.
"""

from ovsam.benchmark.reported.detection import detection_tables
from ovsam.benchmark.reported.main import (
    MAIN_METRICS,
    MAIN_ROWS,
    MAIN_SOURCE,
    POINT_ROWS,
    POINT_SOURCE,
    main_table,
    reproduction,
)
from ovsam.benchmark.reported.number import Reported
from ovsam.benchmark.reported.semantic import semantic_tables
from ovsam.benchmark.reported.studies import study_tables

__all__ = [
    "MAIN_METRICS",
    "MAIN_ROWS",
    "MAIN_SOURCE",
    "POINT_ROWS",
    "POINT_SOURCE",
    "Reported",
    "all_numbers",
    "main_table",
    "published_numbers",
]


def all_numbers() -> list[Reported]:
    """Every published number: of Open-Vocabulary SAM the main table, tables 1 to 8 and S2, and a user's
    reproduction; of CAT-Seg and ESC-Net see `semantic`."""
    return [
        *main_table(), *reproduction(), *detection_tables(), *study_tables(), *semantic_tables()
    ]  # fmt: skip


def published_numbers() -> dict[tuple[str, str, str], float]:
    """(table, row, metric) -> value."""
    return {(n.table, n.row, n.metric): n.value for n in all_numbers()}
