"""Fingerprints of source files: what a stage imports, found in the syntax trees, without running it."""

import ast
import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from ovsam.weights.shipped import read_table

PACKAGE = Path(__file__).resolve().parents[1]
WEIGHTS = PACKAGE / "weights"


def fingerprint(*roots: Path, read: Callable[[Path], str] = Path.read_text) -> str:
    """sha256 (hex) of files and of all files of ours that they import, at any depth.

    Comments, docstrings and layout do not count. Weights of the package that a config names do.

    Args:
        roots: modules of the package, or config files.
        read: text of a file.
    """
    digests: dict[Path, str] = {}
    weights, named = read_table(), set[str]()
    pending = [path.resolve() for path in roots]
    while pending:
        path = pending.pop()
        if path not in digests:
            text = read(path)
            digests[path], imported = _parse(text)
            pending += _files_of(imported, path)
            if not path.is_relative_to(WEIGHTS):  # whose code has all their names
                named |= {name for name in weights if name in text}
    parts = [*sorted(digests.values()), *(weights[name]["sha256"] for name in sorted(named))]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@cache
def _parse(text: str) -> tuple[str, tuple[tuple[int, str], ...]]:
    """Digest of what a source does, and (level, dotted name) of all that it may import."""
    tree, imported = ast.parse(text), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            imported += [(node.level, f"{module}.{alias.name}".strip(".")) for alias in node.names]
        elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(dict.fromkeys(imported))


def _files_of(imported: tuple[tuple[int, str], ...], importer: Path) -> Iterator[Path]:
    """Files of ours behind imports; those of the packages on the way too, which are run as well."""
    for level, name in imported:
        folder = importer.parents[level - 1] if level else PACKAGE.parent
        if level or name.partition(".")[0] == PACKAGE.name:
            for part in name.split("."):
                folder /= part
                yield from filter(Path.is_file, (folder.with_suffix(".py"), folder / "__init__.py"))
