"""Reads what users give as vocabulary (words, a file, a known list) for a trained model."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ovsam.datasets.vocabularies import ALIASES, VOCABULARIES, get_vocabulary, is_vocabulary_name
from ovsam.files import read_text
from ovsam.structures.offered_names import split_for, strings_of
from ovsam.structures.vocabulary import Vocabulary

MAX_CLASSES = 50_000  # the largest published vocabulary has 25,970, ours of the same lists 31,063
MAX_BYTES = 2 << 30  # of a file, which may be a data set's whole annotation file
MAX_WORD_LENGTH = 500  # letters of one class with all its synonyms
FILE_ENDINGS = (".txt", ".json")


def read_vocabulary(
    given: str | Path | Iterable[str | Sequence[str]] | Vocabulary,
    trained: Vocabulary,
    max_classes: int = MAX_CLASSES,
    *,
    is_strict: bool = False,
) -> Vocabulary:
    """The vocabulary that `given` means, split into base and novel for a trained model.

    Args:
        given: a list of class names (a name may be a tuple of synonyms, or text with synonyms separated
            by `,` or `/`); the name of a known list (`coco`, `lvis`, `v3det`, `imagenet21k`,
            `shapes22k`, ...; see `get_vocabulary`); a file: .txt with a class per line, .json with a
            list, or a COCO annotation file's `categories`; or a `Vocabulary`, which is returned
            unchanged. Blank and repeated names are left out.
        trained: vocabulary of the model. Classes that share a string with its base classes are base, all
            others novel, as in Open-Vocabulary SAM's inference with an unknown vocabulary.
        max_classes: limit.
        is_strict: refuse blank and repeated names instead; blank lines of a text file do not count.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no classes, too many, a name without text or too long, or a broken file.

    Example:
        >>> trained = Vocabulary("t", (("cat",), ("dog",)), base=frozenset({0}), novel=frozenset({1}))
        >>> found = read_vocabulary(["Cat", "dog", "🦄", "cat", " "], trained)
        >>> found.names, sorted(found.base), sorted(found.novel)
        (['Cat', 'dog', '🦄'], [0], [1, 2])
    """
    if isinstance(given, Vocabulary):
        return given
    name = "custom"
    if isinstance(given, (str, Path)):
        name = Path(given).stem
        given = _by_name_or_file(given)
        if isinstance(given, Vocabulary):
            return split_for(trained, given.name, given.classes)
    if not isinstance(given, Iterable):
        raise ValueError(f"a vocabulary is a list of names, a file or a known list, got {given!r:.80}")
    classes: dict[tuple[str, ...], tuple[str, ...]] = {}
    left_out: list[str] = []
    for entry in given:
        synonyms = _synonyms(entry)
        # A class is its strings, whatever the case; the first way of writing it is shown.
        strings = tuple(strings_of(synonyms))
        if not strings or strings in classes:
            left_out.append(synonyms[0] if synonyms else "an empty one")
            continue
        classes[strings] = synonyms
        if len(classes) > max_classes:
            raise ValueError(f"the vocabulary has more than {max_classes:,} classes; give fewer")
    if not classes:
        raise ValueError("the vocabulary is empty: give one class name or more")
    if left_out and is_strict:
        raise ValueError(
            f"{len(left_out)} names are empty or occur twice: {', '.join(left_out[:5])}; leave them out"
        )
    firsts = Counter(names[0] for names in classes.values())
    shown = [  # all synonyms of classes that share their first name
        names if firsts[names[0]] == 1 else (", ".join(names), *names[1:]) for names in classes.values()
    ]
    return split_for(trained, name, shown)


def _synonyms(entry: Any) -> tuple[str, ...]:
    names = (entry,) if isinstance(entry, str) else entry
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"a class name must be text or a list of synonyms, got {entry!r:.80}")
    names = tuple(" ".join(name.split()) for name in names if name.strip())
    if sum(map(len, names)) > MAX_WORD_LENGTH:
        raise ValueError(
            f"a class name has {sum(map(len, names)):,} letters, at most {MAX_WORD_LENGTH} are allowed:"
            f" {names[0][:40]!r}..."
        )
    return names


def _by_name_or_file(given: str | Path) -> Any:
    if is_vocabulary_name(str(given)):
        return get_vocabulary(str(given))
    path = Path(given)
    if path.suffix.lower() not in FILE_ENDINGS:
        known = ", ".join(sorted((*VOCABULARIES, *ALIASES)))
        raise ValueError(
            f"vocabulary {str(given)!r:.80} is neither a known list ({known})"
            " nor a .txt or .json file; give several names as a list"
        )
    if not path.is_file():
        raise FileNotFoundError(f"vocabulary file {path} does not exist")
    text = read_text(path, MAX_BYTES)
    if path.suffix.lower() == ".txt":
        lines = map(str.strip, text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"vocabulary file {path} is broken JSON: {error}") from None
    if isinstance(content, dict) and isinstance(content.get("categories"), list):
        rows = content["categories"]
        is_good = all(isinstance(row, dict) and "name" in row and "id" in row for row in rows)
        if not is_good or len({isinstance(row["id"], str) for row in rows}) > 1:
            raise ValueError(
                f"vocabulary file {path}: every category needs a name and an id of one kind"
            )
        if not all(isinstance(row["id"], (int, float, str)) for row in rows):
            raise ValueError(f"vocabulary file {path}: the id of a category must be a number or text")
        return [row["name"] for row in sorted(rows, key=lambda row: row["id"])]
    if not isinstance(content, list):
        raise ValueError(f"vocabulary file {path} must hold a list of names, or COCO `categories`")
    return content
