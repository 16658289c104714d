"""Which tables there are: their rows, columns and titles, and the published numbers beside ours."""

from ovsam.benchmark.specs.joint_miniature import JOINT_TABLES
from ovsam.benchmark.specs.miniature import MINI_TABLES
from ovsam.benchmark.specs.paper import PAPER_TABLES
from ovsam.benchmark.specs.proofs import PROOF_TABLES
from ovsam.benchmark.specs.proportions import PROPORTIONS
from ovsam.benchmark.specs.semantic import SEMANTIC_TABLES
from ovsam.benchmark.specs.semantic_miniature import SEMANTIC_MINI_TABLES
from ovsam.benchmark.specs.spec import Column, FileTable, Row, TableSpec, TextTable
from ovsam.benchmark.specs.speed import SPEED_TABLES

__all__ = ["TABLES", "Column", "FileTable", "Row", "TableSpec", "TextTable"]

TABLES: dict[str, TableSpec | TextTable | FileTable] = {
    table.name: table
    for table in (
        *MINI_TABLES,
        *JOINT_TABLES,
        PROPORTIONS,
        *SEMANTIC_MINI_TABLES,
        *PAPER_TABLES,
        *PROOF_TABLES,
        *SPEED_TABLES,
        *SEMANTIC_TABLES,
    )
}
