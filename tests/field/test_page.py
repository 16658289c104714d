"""docs/files.md is what the tests of this folder say."""

import importlib

from tests.field.page import COMMAND, PAGE, ROWS, SECTIONS, render


def test_the_page_is_what_the_tests_say():
    assert PAGE.read_text() == render(), f"run `{COMMAND}`"
    assert COMMAND in PAGE.read_text().splitlines()[0]


def test_every_row_names_a_test():
    render()
    for row in ROWS:
        file, _, name = row.test.partition("::")
        assert name.startswith("test_")
        assert hasattr(importlib.import_module(f"tests.field.{file.removesuffix('.py')}"), name)


def test_most_rows_are_of_bad_files():
    render()
    bad = {row.what for row in ROWS if row.answer != "read"}
    assert len(bad) >= 40
    assert {row.section for row in ROWS} == set(SECTIONS)
