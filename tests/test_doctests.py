"""The examples in docstrings run."""

import doctest
import importlib

import pytest

MODULES = (
    "ovsam.automatic",
    "ovsam.integrations.semantic_files",
    "ovsam.predictor",
    "ovsam.structures.semantic_prediction",
    "ovsam.structures.user_prompts",
    "ovsam.vocabulary_input",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.attempted
    assert not found.failed
