"""What the page's script may send to the server as JSON, checked before gradio sees it."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

SESSION = re.compile(r"[0-9A-Za-z_-]{1,64}")
MAX_DEPTH = 20


def check_event(content: bytes, num_inputs: Mapping[int, int], folder: str = "") -> None:
    """Check one event of the page: the body of a request.

    Args:
        content: JSON: `fn_index`, `data` (values of the inputs), `session_hash`, and what gradio adds.
        num_inputs: number of an event -> how many inputs it has.
        folder: of the uploaded files.

    Raises:
        ValueError: broken JSON, an event or a session that cannot be, a wrong number of inputs, or a
            file that was not uploaded here.

    Example:
        >>> check_event(b'{"fn_index": 3, "data": [null], "session_hash": "x1"}', {3: 1})
        >>> check_event(b'{"fn_index": 9, "data": [], "session_hash": "x1"}', {3: 1})
        Traceback (most recent call last):
        ValueError: the page has no event 9
    """
    event = _parsed(content)
    if not isinstance(event, dict):
        raise ValueError("an event must be a JSON object")
    number, data, session = (event.get(key) for key in ("fn_index", "data", "session_hash"))
    if type(number) is not int or number not in num_inputs:
        raise ValueError(f"the page has no event {_shown(number)}")
    if not isinstance(session, str) or not SESSION.fullmatch(session):
        raise ValueError("session_hash must be 1 to 64 letters and digits")
    if not isinstance(data, list) or len(data) != num_inputs[number]:
        raise ValueError(f"data must be a list of {num_inputs[number]} values")
    if type(event.get("trigger_id")) not in (int, type(None)):
        raise ValueError("trigger_id must be a number")
    _check_values([data, event.get("event_data")], os.path.join(folder, ""))


def _parsed(content: bytes) -> Any:
    try:
        event = json.loads(content)
        # Halves of letters pass the parser, but no answer could repeat them.
        json.dumps(event, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("the request is no valid JSON") from None
    return event


def _check_values(value: Any, folder: str, depth: int = 0) -> None:
    """Refuse what is nested too deeply, and files that are not below `folder`."""
    if depth > MAX_DEPTH:
        raise ValueError(f"values are nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict) and value.get("path") is not None:
        path = value["path"]
        is_text = isinstance(path, str) and "\0" not in path
        if not is_text or not os.path.normpath(path).startswith(folder) or "://" in path:
            raise ValueError("a file must be one that was uploaded here")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_values(inner, folder, depth + 1)


def _shown(number: Any) -> str:
    return str(number) if type(number) is int and abs(number) < 10**9 else "of this number"
