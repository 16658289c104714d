"""JSON files that carry a hash of their own content, so that a number changed by hand is refused."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovsam.files import write_json


def signed(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with its `sha256` beside."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {**content, "sha256": digest}


def unsigned(content: Mapping[str, Any], what: str, mend: str) -> dict[str, Any]:
    """`content` without its hash, which must be that of the rest; errors say `what` it is.

    Raises:
        ValueError: changed by hand, or never signed; the message ends with `mend`, what makes it anew.
    """
    rest = {key: value for key, value in content.items() if key != "sha256"}
    if "sha256" not in content:
        raise ValueError(
            f"{what} has no sha256 of its content: it was not written by its command; {mend}"
        )
    if signed(rest)["sha256"] != content["sha256"]:
        raise ValueError(
            f"{what}: its content does not match its sha256, it was changed by hand; {mend}"
        )
    return rest


def write_signed(content: Mapping[str, Any], path: str | Path) -> None:
    """Write `content` with its `sha256` beside."""
    write_json(signed(content), path)


def read_signed(path: str | Path, mend: str = "measure again", part: str = "") -> dict[str, Any]:
    """The content of a JSON file, without its hash, or one `part` of it (a key).

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, changed by hand, or never signed; see `unsigned`.
    """
    try:
        content = json.loads(Path(path).read_text())
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path}: expected JSON, got what does not parse ({error}); {mend}") from None
    if not isinstance(content, dict) or part not in ("", *content):
        raise ValueError(f"{path}: expected an object {part and f'with {part!r} '}of results; {mend}")
    content = unsigned(content, str(path), mend)
    return content[part] if part else content
