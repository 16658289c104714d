"""Results files that are no lists of records: what must be true of one before a table shows it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ovsam.benchmark.provenance import blemish
from ovsam.benchmark.signed import without_signature
from ovsam.benchmark.specs.spec import FileTable

ORIGIN = "provenance"
MEND = "measure again"


def read_result_file(path: str | Path, spec: FileTable, *, allow_dirty: bool = False) -> dict[str, Any]:
    """Content of the results file of a table.

    Args:
        path: of the file.
        spec: its table, whose `states` must be true of it.
        allow_dirty: take numbers that may not be published, for tables of one's own.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, changed by hand, measured in another way than the table says, or of
            an origin that forbids to publish it.
    """
    content = json.loads(Path(path).read_text())
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object of results, got {type(content).__name__}")
    content = without_signature(content, path, MEND)
    origins = list(_origins(content))
    if not origins:
        raise ValueError(f"{path} does not say where its numbers come from (no {ORIGIN!r}); {MEND}")
    for origin in origins:
        reason = blemish(origin)
        if reason and not allow_dirty:
            raise ValueError(f"{path} may not be published: {reason}; commit and {MEND}")
    for place, expected in spec.states:
        found = value_at(content, place)
        if found != expected:
            raise ValueError(
                f"{path}: table {spec.name} is of {place} = {expected!r}, the file of {found!r}; {MEND}"
            )
    return content


def value_at(content: Mapping[str, Any], place: str) -> Any:
    """What stands at a place of a results file.

    Args:
        content: of the file.
        place: keys apart by dots.

    Raises:
        KeyError: nothing does.
    """
    value: Any = content
    for part in place.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(f"the results file has nothing at {place!r} (no {part!r}); make it again")
        value = value[part]
    return value


def _origins(content: Any) -> Iterator[Mapping[str, Any]]:
    """Every provenance in a file: one of all its numbers, or one of each part."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            if key == ORIGIN and isinstance(value, Mapping):
                yield value
            else:
                yield from _origins(value)
