"""Which tables there are: their rows, columns and titles, declared once."""

from ovsam.benchmark.specs.miniature import MINI_ROWS, MINI_TABLES
from ovsam.benchmark.specs.paper import PAPER_TABLES
from ovsam.benchmark.specs.proofs import PROOF_TABLES
from ovsam.benchmark.specs.semantic import SEMANTIC_TABLES
from ovsam.benchmark.specs.semantic_miniature import SEMANTIC_MINI_TABLES
from ovsam.benchmark.specs.spec import (
    NEEDS_WEIGHTS,
    NOT_MEASURED,
    Column,
    FileTable,
    ReportedTable,
    Row,
    TableSpec,
)

__all__ = [
    "MINI_ROWS",
    "NEEDS_WEIGHTS",
    "NOT_MEASURED",
    "TABLES",
    "Column",
    "FileTable",
    "ReportedTable",
    "Row",
    "TableSpec",
]

TABLES: dict[str, TableSpec | ReportedTable | FileTable] = {
    **MINI_TABLES,
    **SEMANTIC_MINI_TABLES,
    **PAPER_TABLES,
    **PROOF_TABLES,
    **SEMANTIC_TABLES,
}
