"""JSON files that carry a hash of their own content, so that a number changed by hand is refused."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovsam.files import write_json


def write_signed(content: Mapping[str, Any], path: str | Path) -> None:
    """Write `content` with its `sha256` beside.

    Raises:
        OSError: no permission or no space.
    """
    write_json({**content, "sha256": _digest(content)}, path)


def read_signed(path: str | Path, *, schema: int, what: str, mend: str) -> dict[str, Any]:
    """The content of a file, without its hash.

    Args:
        path: JSON file.
        schema: that it must have.
        what: it is, for errors.
        mend: command that makes it, for errors.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or changed by hand.
    """
    content = json.loads(Path(path).read_text())
    if not isinstance(content, dict) or content.get("schema") != schema:
        raise ValueError(f"{path}: expected a file of {what} of schema {schema}")
    return without_signature(content, path, mend)


def without_signature(content: Mapping[str, Any], path: str | Path, mend: str) -> dict[str, Any]:
    """The content of a file without its hash, which must be that of the rest.

    Args:
        content: of the whole file.
        path, mend: of the file, see `read_signed`.

    Raises:
        ValueError: changed by hand, or never signed.
    """
    if "sha256" not in content:
        raise ValueError(
            f"{path} has no sha256 of its content: it was not written by its command; {mend}"
        )
    rest = {key: value for key, value in content.items() if key != "sha256"}
    if content.get("sha256") != _digest(rest):
        raise ValueError(f"{path} does not match its sha256, it was changed by hand; {mend}")
    return rest


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
