"""Which names one raw class name holds."""

import re

_SEPARATORS = re.compile(r",|/|_or_")


def split_names(name: str) -> list[str]:
    """The names that one raw class name stands for, as they are written.

    A name is split at `,`, `/` and `_or_` outside parentheses: "tape_(sticky_cloth_or_paper)" is one
    name, "flip_flop/sandal" two. Parts without text are left out.
    """
    parts, depth, start = [], 0, 0
    separators = {match.start(): match.end() for match in _SEPARATORS.finditer(name)}
    if not separators:
        return [name] if _spaced(name) else []
    for place, letter in enumerate(name):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and place in separators:
            parts.append(name[start:place])
            start = separators[place]
    parts.append(name[start:])
    return [part for part in parts if _spaced(part)]


def class_strings(name: str) -> list[str]:
    """The names in a raw class name, see `split_names`, in lower case and with `_` as a space.

    Raises:
        ValueError: there is none.
    """
    strings = list(dict.fromkeys(_spaced(part).lower() for part in split_names(name)))
    if not strings:
        raise ValueError(f"class name {name!r} holds no text")
    return strings


def _spaced(name: str) -> str:
    return " ".join(name.replace("_", " ").split())
