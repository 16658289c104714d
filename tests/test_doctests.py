"""The examples in docstrings run."""

import doctest
import importlib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
MODULES = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in REPOSITORY.glob("ovsam/**/*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
#: What people call first has an example.
SHOWN = {"ovsam.inference.predictor", "ovsam.inference.everything", "ovsam.inference.vocabulary_input"}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.attempted
    assert not found.failed


def test_entrances_have_examples():
    assert set(MODULES) >= SHOWN
