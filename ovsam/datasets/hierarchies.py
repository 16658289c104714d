"""Parents of class names: the attributes of drawn things, or hypernyms from a file.

WordNet's hypernyms are not at hand: timm lists ImageNet's synsets, their lemmas and definitions, but not
their parents. Whoever has them gives them as a JSON file {name: parent}.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovsam.datasets.shapes.classes import ALL_LOOKS, Look
from ovsam.files import read_json
from ovsam.structures.class_names import class_strings
from ovsam.structures.hierarchy import Hierarchy
from ovsam.structures.vocabulary import Vocabulary

SHAPES = "shapes"
#: Level -> attribute of a look; a plain thing has the pattern "plain" and no colour of it.
ATTRIBUTES = {"colour": "colour", "shape": "shape", "pattern": "pattern", "pattern colour": "second"}
FORMAT = 'it must be JSON such as {"brown bear": "bear", "bear": "animal"}'
MOST_LEVELS = 20  # WordNet's nouns are at most 20 deep

Parents = str | Path | Mapping[str, str]


def get_hierarchy(given: Parents, vocabulary: Vocabulary) -> Hierarchy:
    """The parents of the classes of a vocabulary.

    Args:
        given: `shapes`, the attributes of drawn things; a JSON file {name: parent}, or such a mapping.
            Names are compared as strings for the text encoder (case, `_`); any synonym may be named.
        vocabulary: C classes.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, no name of it is in the vocabulary, or parents that form a ring.
    """
    if given == SHAPES:
        return _of_shapes(vocabulary)
    if given == "wordnet":
        raise ValueError(
            "WordNet's hypernyms are not at hand (timm lists synsets, lemmas and definitions only): give"
            f" a JSON file of parents; {FORMAT}"
        )
    content: Any = given
    if isinstance(given, (str, Path)):
        if Path(given).suffix.lower() != ".json":
            raise ValueError(f"parents must be {SHAPES!r} or a .json file, got {str(given)!r}; {FORMAT}")
        content = read_json(given, missing=f"give a file of parents; {FORMAT}", damaged=FORMAT)
    if not isinstance(content, Mapping) or not all(isinstance(p, str) for p in content.values()):
        raise ValueError(f"parents in {given!s:.80} are broken: {FORMAT}")
    origin = str(given) if isinstance(given, (str, Path)) else "parents"
    return _of_tree(content, vocabulary, origin)


def _of_shapes(vocabulary: Vocabulary) -> Hierarchy:
    looks = {look.name: look for look in ALL_LOOKS}
    shown = [looks.get(name) for name in vocabulary.names]
    if not any(shown):
        raise ValueError(f"no name of {vocabulary.name!r} is that of a drawn thing, such as 'red star'")
    levels = {
        level: tuple(_attribute(look, attribute) for look in shown)
        for level, attribute in ATTRIBUTES.items()
    }
    return Hierarchy(SHAPES, levels)


def _attribute(look: Look | None, attribute: str) -> str:
    if look is None:
        return ""
    return getattr(look, attribute) or ("plain" if attribute == "pattern" else "")


def _of_tree(content: Mapping[str, str], vocabulary: Vocabulary, origin: str) -> Hierarchy:
    parent_of = {string: parent for name, parent in content.items() for string in class_strings(name)}
    chains = []
    for synonyms in vocabulary.classes:
        strings = [string for synonym in synonyms for string in class_strings(synonym)]
        chains.append(_ancestors(next((s for s in strings if s in parent_of), ""), parent_of, origin))
    depth = max(map(len, chains))
    if not depth:
        raise ValueError(f"{origin} names a parent of no class of {vocabulary.name!r}; {FORMAT}")
    titles = ["parent", *(f"parent {number}" for number in range(2, depth + 1))]
    return Hierarchy(
        origin,
        {
            title: tuple(chain[place] if place < len(chain) else "" for chain in chains)
            for place, title in enumerate(titles)
        },
    )


def _ancestors(name: str, parent_of: Mapping[str, str], origin: str) -> list[str]:
    """Parent, grandparent and so on, as the file writes them."""
    found: list[str] = []
    while name in parent_of:
        found.append(parent_of[name])
        if len(found) > MOST_LEVELS:
            raise ValueError(f"{origin}: the parents of {name!r} form a ring or are too deep")
        name = class_strings(found[-1])[0]
    return found
