"""Makes inputs that nearly fit: changes of good values, bytes and texts, drawn by a given generator."""

import json
import math
from collections.abc import Sequence
from random import Random
from typing import Any

#: Values that parsers of JSON meet and seldom expect.
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 255, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**400, 0.5,
    -0.0, 1e-320,
    1e99, 1e308, -1e308, math.nan, math.inf, -math.inf, "", " ", "0", "-1", "1e9", "x", "\0",
    "\ud800", "é",
    "²", "../x", "/etc/passwd", "a" * 600, [], {}, [[]], [{}], [None], [0], ["x"], [[0, 0]], {"": None},
    {"id": 1}, {"a": []},
)  # fmt: skip
ODD_LETTERS = "\0\t\n\r ,;/_()[]{}'\"\\#=.-+0159aéß²\u0130\u200b\u202e\ufeff\ud800🦄"
ODD_BYTES = (
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\xff\xd8",
)


def copied(value: Any) -> Any:
    """A copy of JSON values; several times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def odd(draw: Random) -> Any:
    """A value that may be changed by whoever gets it."""
    return copied(draw.choice(ODD))


def changed_value(draw: Random, value: Any, most: int = 3) -> Any:
    """A copy of JSON values with up to `most` places changed, removed, doubled or put elsewhere."""
    holder = [copied(value)]
    for _ in range(draw.randint(0, most)):
        places = _places(holder)
        parent, key = draw.choice(places)
        _change(draw, parent, key, places)
    return holder[0] if holder else None


def _places(holder: list) -> list[tuple[Any, Any]]:
    """(list or object, index or key) of every value."""
    found, left = [], [holder]
    while left:
        node = left.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], (dict, list)):
                left.append(node[key])
    return found or [([None], 0)]


def _change(draw: Random, parent: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    kind = draw.randrange(9)
    if kind < 4:
        parent[key] = odd(draw)
    elif kind == 4:
        del parent[key]
    elif kind == 5:
        other, place = draw.choice(places)
        # A copy: a value within itself is no JSON. The other place may be gone by now.
        there = place in other if isinstance(other, dict) else place < len(other)
        parent[key] = copied(other[place]) if there else None
    elif kind == 6:
        parent[key] = [parent[key]] * draw.choice((0, 1, 2, 3))
    elif kind == 7 and isinstance(parent, list):
        parent.insert(draw.randint(0, len(parent)), copied(parent[key]))
    elif isinstance(parent[key], str):
        parent[key] = changed_text(draw, parent[key])
    elif isinstance(parent[key], (int, float)) and abs(parent[key]) < 1e300:
        parent[key] = draw.choice((-parent[key], parent[key] * 1e9, parent[key] + 0.5, str(parent[key])))
    else:
        parent[key] = odd(draw)


def changed_text(draw: Random, text: str, most: int = 4) -> str:
    """A text with up to `most` letters or stretches changed."""
    for _ in range(draw.randint(0, most)):
        start, kind = draw.randint(0, len(text)), draw.randrange(5)
        end = min(len(text), start + draw.choice((0, 1, 1, 2, 5)))
        piece = draw.choice(ODD_LETTERS) * draw.choice((1, 1, 1, 2, 40))
        if kind == 0:
            piece = chr(draw.randrange(1, 0x250))
        elif kind == 1:
            piece = text[start:end] * 2
        elif kind == 2:
            piece = ""
        text = text[:start] + piece + text[end:]
        if kind == 3 and draw.random() < 0.2:
            text = text[:start]
    return text


def changed_bytes(draw: Random, content: bytes, most: int = 6, head: int | None = None) -> bytes:
    """Bytes with up to `most` of them changed, removed, doubled or cut off.

    Args:
        head: half of the changes fall into so many first bytes; None = anywhere.
    """
    found = bytearray(content)
    for _ in range(draw.randint(0, most)):
        near = head if head is not None and draw.random() < 0.5 else len(found)
        place, kind = draw.randint(0, min(near, len(found))), draw.randrange(8)
        if kind < 3 and place < len(found):
            found[place] = draw.randrange(256)
        elif kind == 3 and place < len(found):
            found[place] ^= 1 << draw.randrange(8)
        elif kind == 4:
            piece = draw.choice(ODD_BYTES)
            found[place : place + len(piece)] = piece
        elif kind == 5:
            found[place : place + draw.choice((1, 4, 20))] = b""
        elif kind == 6:
            found[place:place] = found[place : place + draw.choice((1, 4, 20))]
        elif draw.random() < 0.3:
            del found[place:]
    return bytes(found)


def json_bytes(draw: Random, value: Any) -> bytes:
    """JSON of changed values, sometimes changed as text, too."""
    text = json.dumps(changed_value(draw, value))
    if draw.random() < 0.2:
        text = changed_text(draw, text)
    content = text.encode(draw.choice(("utf-8",) * 8 + ("utf-16", "latin-1")), "replace")
    return changed_bytes(draw, content, 2) if draw.random() < 0.1 else content


def run_lengths(draw: Random, height: int, width: int) -> list[int]:
    """Lengths of runs that sum to the image."""
    left, found = height * width, [0] if draw.random() < 0.3 else []
    while left:
        found.append(draw.randint(1, left))
        left -= found[-1]
    return found


def compressed(lengths: Sequence[int]) -> str:
    """Run lengths as COCO's text; see `ovsam.ops.annotations` for the source."""
    letters = []
    for place, length in enumerate(lengths):
        value, more = length - (lengths[place - 2] if place > 2 else 0), True
        while more:
            digit, value = value & 31, value >> 5
            more = value != -1 if digit & 16 else value != 0
            letters.append(chr(48 + digit + 32 * more))
    return "".join(letters)
