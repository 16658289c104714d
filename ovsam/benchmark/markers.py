"""Tables inside a README: the text between `<!-- table:NAME -->` and `<!-- /table -->`."""

import re
from collections.abc import Callable

BLOCK = re.compile(r"(<!-- table:(?P<name>[\w-]+) -->\n)(?P<body>.*?)(<!-- /table -->)", re.DOTALL)
OPENING = re.compile(r"<!-- table:[\w-]+ -->")


def table_names(text: str) -> list[str]:
    """Names of the tables that `text` has, in order.

    Raises:
        ValueError: an opening marker without a closing one.
    """
    names = [match["name"] for match in BLOCK.finditer(text)]
    if len(names) != len(OPENING.findall(text)):
        raise ValueError("a line `<!-- table:NAME -->` has no `<!-- /table -->` after it")
    return names


def replace_tables(text: str, rendered: Callable[[str], str]) -> str:
    """`text` with every table's body replaced by `rendered(name)`.

    Raises:
        ValueError: an opening marker without a closing one.
    """
    table_names(text)
    return BLOCK.sub(lambda match: f"{match[1]}{rendered(match['name'])}{match[4]}", text)


def stale_tables(text: str, rendered: Callable[[str], str]) -> list[str]:
    """Names of the tables whose body differs from `rendered(name)`.

    Raises:
        ValueError: an opening marker without a closing one.
    """
    table_names(text)
    return [m["name"] for m in BLOCK.finditer(text) if m["body"] != rendered(m["name"])]
