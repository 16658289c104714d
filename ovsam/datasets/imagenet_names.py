"""The class lists of ImageNet: synsets with their WordNet names and definitions, from timm's files.

The paper's list has 19,167 synsets (the release of winter 2021); timm has 21,843, 21,841, 11,221 and
10,450, and not that one. It is the list of the folders of that release: with those at hand,
`synset_vocabulary` gives it. Sizes that contain it cannot be verified without.

A name that several synsets start with gets its definition as a sense, and so reaches the prompts:
"crane (large long-necked wading bird of marshes and plains in many parts of the world)".
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ovsam.structures.vocabulary import Vocabulary

#: Vocabulary -> timm's file with its synsets.
SYNSET_FILES = {
    "imagenet21k": "imagenet21k_goog_synsets.txt",  # 21,843: the next and two that it lacks
    "imagenet22k": "imagenet22k_synsets.txt",  # 21,841: the release of fall 2011
    "imagenet21k_p": "imagenet21k_miil_synsets.txt",  # 11,221: ImageNet-21K-P of fall 2011
    "imagenet21k_p_winter": "imagenet21k_miil_w21_synsets.txt",  # 10,450: the same of winter 2021
    "imagenet1k": "imagenet_synsets.txt",  # 1,000: ILSVRC 2012
}
SYNSET = re.compile(r"n\d{8}")
MAX_SENSE = 100  # letters of a definition in a name


def imagenet_vocabulary(name: str) -> Vocabulary:
    """A list of `SYNSET_FILES`, in timm's order; see `synset_vocabulary`."""
    return synset_vocabulary(_lines(SYNSET_FILES[name]), name)


def synset_vocabulary(synsets: Iterable[str], name: str) -> Vocabulary:
    """The classes of some synsets, in their order; all of them are base.

    The names are WordNet's, the category id is the number of the synset (n01440764: 1440764).

    Raises:
        ValueError: what is no synset, one that occurs twice, or one without a name in timm.
    """
    synsets = list(synsets)
    strange = [synset for synset in synsets if not SYNSET.fullmatch(synset)]
    if strange:
        raise ValueError(f"expected synsets such as n01440764, got {strange[:5]}")
    twice = [synset for synset, count in Counter(synsets).items() if count > 1]
    if twice:
        raise ValueError(f"synsets occur twice: {twice[:5]}")
    lemmas, definitions = _texts("lemma"), _texts("definition")
    unknown = [synset for synset in synsets if synset not in lemmas]
    if unknown:
        raise ValueError(f"{len(unknown)} synsets have no name in timm's list, such as {unknown[:5]}")
    names = {synset: tuple(lemmas[synset].split(", ")) for synset in synsets}
    # Counted over all of ImageNet: a class has one name, whatever other classes are in a list.
    uses = _first_uses()
    classes = [
        (f"{first} ({sense_of(definitions[synset])})" if uses[first.lower()] > 1 else first, *more)
        for synset, (first, *more) in names.items()
    ]
    shown = Counter(first for first, *_ in classes)
    return Vocabulary(
        name=name,
        classes=tuple(
            (first if shown[first] == 1 else f"{first[:-1]}, {synset})", *more)
            for synset, (first, *more) in zip(synsets, classes, strict=True)
        ),
        base=frozenset(range(len(synsets))),
        category_ids=tuple(int(synset[1:]) for synset in synsets),
    )


def synset_of(category_id: int) -> str:
    """The synset of a category id of these vocabularies."""
    return f"n{category_id:08d}"


def definition_of(synset: str) -> str:
    """WordNet's definition.

    Raises:
        ValueError: timm has none.
    """
    if synset not in _texts("definition"):
        raise ValueError(f"synset {synset!r} has no definition in timm's list")
    return _texts("definition")[synset]


def sense_of(definition: str) -> str:
    """A definition short enough to stand in a name: to the first semicolon, without parentheses.

    Example:
        >>> sense_of("(music) the lowest part; sung by a bass")
        'music the lowest part'
    """
    text = " ".join(re.sub(r"[()]", " ", definition.partition(";")[0]).split())
    return text if len(text) <= MAX_SENSE else text[: MAX_SENSE + 1].rpartition(" ")[0]


@cache
def _first_uses() -> Counter[str]:
    return Counter(text.partition(", ")[0].lower() for text in _texts("lemma").values())


@cache
def _texts(kind: str) -> dict[str, str]:
    """Synset -> its `lemma` (names, `, ` between them) or its `definition`."""
    return dict(line.split("\t", 1) for line in _lines(f"imagenet_synset_to_{kind}.txt"))


def _lines(file: str) -> list[str]:
    spec = find_spec("timm")  # finds it without importing it, which takes seconds
    if spec is None or spec.origin is None:
        raise ValueError("ImageNet's names come from timm, which is missing; run `pip install timm`")
    path = Path(spec.origin).parent / "data" / "_info" / file
    if not path.is_file():
        raise ValueError(f"this version of timm has no {path.name}; run `pip install 'timm>=1.0,<2'`")
    return path.read_text(encoding="utf-8").splitlines()
