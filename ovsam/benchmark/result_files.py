"""Results files that are no lists of records: what must be true of one before a table shows it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ovsam.benchmark.provenance import blemish
from ovsam.benchmark.signed import read_signed
from ovsam.benchmark.specs.spec import NO_VALUE, NOT_MEASURED, FileTable, TextTable

ORIGIN = "provenance"
LARGEST_FORMATTED = 1000  # from which on a number has no decimals, whatever its table's format
SMALLEST_FIXED = 0.1  # what one decimal still shows; smaller numbers are errors


def fill(spec: FileTable, path: str | Path, *, allow_dirty: bool = False) -> TextTable:
    """A table of the numbers of its results file; without the file nothing was measured.

    `allow_dirty` takes numbers that may not be published, for tables of one's own.

    Raises:
        KeyError: the file has no number at a place that the table names.
        ValueError: not such a file, changed by hand, measured in another way than the table says, or of
            an origin that forbids to publish it.
    """
    content = _read(spec, path, allow_dirty) if Path(path).is_file() else None
    rows = []
    for title, place in spec.rows.items():
        cells = [
            NOT_MEASURED if content is None else _cell(content, place, part, spec) for part in spec.parts
        ]
        if spec.remarks:
            cells.append(spec.remarks.get(title, ""))
        rows.append((title, *cells))
    return TextTable(spec.name, spec.title, spec.header, tuple(rows), spec.notes)


def _cell(content: Mapping[str, Any], place: str, part: str, spec: FileTable) -> str:
    try:
        return _text(value_at(content, place.format(part)), spec.number_format)
    except KeyError:
        if not spec.may_lack:
            raise
    return NO_VALUE if _has(content, place.removesuffix(".{}")) else NOT_MEASURED


def _has(content: Mapping[str, Any], place: str) -> bool:
    """Whether something stands at a place."""
    try:
        value_at(content, place)
    except KeyError:
        return False
    return True


def value_at(content: Mapping[str, Any], place: str) -> Any:
    """What stands at a place of a results file, keys apart by dots; KeyError where nothing does."""
    value: Any = content
    for part in place.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(f"the results file has nothing at {place!r} (no {part!r}); make it again")
        value = value[part]
    return value


def _read(spec: FileTable, path: str | Path, allow_dirty: bool) -> dict[str, Any]:
    content = read_signed(path)
    origins = list(_origins(content))
    if not origins:
        raise ValueError(
            f"{path} does not say where its numbers come from (no {ORIGIN!r}); measure again"
        )
    for reason in filter(None, map(blemish, origins)):
        if not allow_dirty:
            raise ValueError(f"{path} may not be published: {reason}; commit and measure again")
    for place, expected in spec.states.items():
        if spec.may_lack and not _has(content, ".".join(place.split(".")[:2])):
            continue
        found = value_at(content, place)
        if found != expected:
            raise ValueError(
                f"{path}: table {spec.name} is of {place} = {expected!r}, the file of {found!r}; measure"
                " again"
            )
    return content


def _origins(content: Any) -> Iterator[Mapping[str, Any]]:
    """Every provenance in a file: one of all its numbers, or one of each part."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            if key == ORIGIN and isinstance(value, Mapping):
                yield value
            else:
                yield from _origins(value)


def _text(value: Any, number_format: str) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, Mapping):  # over seeds
        return f"{value['mean']:.1f}" + (f" ± {value['sd']:.1f}" if "sd" in value else "")
    if isinstance(value, int):
        return f"{value:,}"
    if number_format:
        return f"{value:,.0f}" if abs(value) >= LARGEST_FORMATTED else format(value, number_format)
    return f"{value:,.1f}" if value == 0 or abs(value) >= SMALLEST_FIXED else f"{value:.1e}"
