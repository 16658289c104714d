"""The fuzzing of what people type: vocabularies, class names, prompts."""

from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np

from ovsam.commands.predict import clicks
from ovsam.demo.service import split_words
from ovsam.inference.vocabulary_input import read_vocabulary
from ovsam.structures.class_names import class_strings
from ovsam.structures.user_prompts import prompts_from_user
from ovsam.structures.vocabulary import Vocabulary, prompt_name
from tests.reliability.fuzz_inputs import changed_text, changed_value, json_bytes
from tests.reliability.fuzz_scratch import scratch_file

PETS = Vocabulary(
    "pets", (("cat",), ("dog", "hound"), ("red ball",)), base=frozenset({0}), novel=frozenset({1})
)


WORDS = [
    "cat",
    "dog",
    "red ball",
    "tape_(sticky_cloth_or_paper)",
    "flip_flop/sandal",
    "sofa, couch",
    "Élan",
]


def typed_names(draw: Random) -> Any:
    names = [changed_text(draw, draw.choice(WORDS)) for _ in range(draw.randint(0, 5))]
    return changed_value(draw, [*names, ["hound", "dog"]]) if draw.random() < 0.5 else names


def vocabulary_text(draw: Random) -> tuple[str, bytes]:
    text = changed_text(draw, draw.choice(("\n", "\r\n")).join(draw.choices(WORDS, k=4)))
    return ".txt", text.encode(
        draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")), "replace"
    )


def vocabulary_json(draw: Random) -> tuple[str, bytes]:
    categories = [{"id": n, "name": name} for n, name in enumerate(WORDS)]
    return ".json", json_bytes(
        draw, draw.choice((WORDS, [*WORDS, ["a", "b"]], {"categories": categories}))
    )


def take_vocabulary(given: Any) -> None:
    found = read_vocabulary(scratch_file(*given) if isinstance(given, tuple) else given, PETS, 100)
    assert len(set(found.names)) == len(found) <= 100
    assert all(name.strip() for name in found.names), found.names
    assert not found.base & found.novel
    found.digest()


def take_name(name: str) -> None:
    strings = class_strings(name)
    assert strings
    assert all(string == " ".join(string.split()) for string in strings), strings
    assert [s for string in strings for s in class_strings(string)] == strings, "not stable"
    assert prompt_name(name) in name
    assert split_words(", ".join(split_words(name))) == split_words(name)


def prompts(draw: Random) -> Mapping[str, Any]:
    good = draw.choice(
        (
            {"points": [3, 4]}, {"points": [[3, 4], [1, 2]], "point_labels": [1, 0]}, {"boxes": [0,
            1, 5, 6]},
            {"boxes": [[0, 1, 5, 6], [2, 2, 900, 4]]}, {"points": [[[3, 4]], [[1, 2]]],
            "boxes": [[0, 1, 5, 6]] * 2},
            {"points": [[[3, 4], [1, 1]], [[1, 2]]], "point_labels": [[1, 0], [1]]},
        )
    )  # fmt: skip
    found = changed_value(draw, good)
    return found if isinstance(found, dict) else {"points": found}


def take_prompts(given: Mapping[str, Any]) -> None:
    known = {key: given.get(key) for key in ("points", "point_labels", "boxes")}
    found = prompts_from_user(**known, size=(10, 12))
    assert len(found) > 0
    assert np.isfinite(found.coordinates.numpy()).all()
    assert found.coordinates.abs().max() <= 24


def shell_points(draw: Random) -> Any:
    return [
        [float(draw.choice((1, 2.5, -1, "inf", "nan"))) for _ in range(draw.randint(0, 4))]
        for _ in range(2)
    ]


def take_shell_points(given: Any) -> None:
    points, labels = clicks(given)
    prompts_from_user(points, labels, size=(10, 12))
