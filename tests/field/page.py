"""The page docs/files.md, written from the tests: `python -m tests.field.page`.

A row is declared at the test that proves it, by `row`; a test of this folder asserts that the page is
what `render` gives.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "files.md"
COMMAND = "python -m tests.field.page"
SECTIONS = {
    "Annotations": "COCO's format (`CocoPromptDataset`), as tools and people write it.",
    "Exports": "What ten tools export, by their documented formats.",
    "Text": "Every JSON, CSV and text file that you give: annotations, detections, class names.",
    "Pictures": "Pictures of data sets, and pictures that you show to a predictor.",
    "Label maps": "PNG files of classes (`SemsegDataset`, configs/custom/my_label_maps.py).",
    "Weights": "Checkpoints named in `initial_weights`, `--weights` or for `tools/convert_weights.py`.",
    "Attacks": "Files made to harm whoever opens them. A config is code that runs: read it first.",
    "Broken data": "With `on_error='skip'` in a data set's config; else the first one stops the run.",
    "Prompts": "Boxes and clicks that you give in Python, on the command line or in a result file.",
}
Test = TypeVar("Test", bound=Callable)


class Row(NamedTuple):
    """One row: what a file is like, what is done with it and why, and the test that proves it."""

    section: str
    what: str
    answer: str
    why: str
    test: str


ROWS: list[Row] = []


def row(section: str, what: str, answer: str, why: str) -> Callable[[Test], Test]:
    """Declare a row at its test."""
    assert section in SECTIONS
    assert answer in ("read", "read, counted", "refused", "left out, counted")

    def declare(test: Test) -> Test:
        name = f"{Path(test.__code__.co_filename).name}::{test.__name__}"
        ROWS.append(Row(section, what, answer, why, name))
        return test

    return declare


def render() -> str:
    """The page, of all tests of this folder."""
    for path in sorted(FOLDER.glob("test_*.py")):
        importlib.import_module(f"tests.field.{path.stem}")
    # By file and place in it: the tests of a run may have been imported in another order.
    rows = sorted(set(ROWS), key=lambda row: (row.test.partition("::")[0], ROWS.index(row)))
    lines = [f"<!-- generated: {COMMAND} -->", "", "# Files we read", ""]
    lines += [
        "*Read*: understood, without a warning. *Counted*: the log says how many and names the first.",
        "*Refused*: an error that names the file and the annotation, and says how to mend it.",
        "*Left out*: the rest is used; the log says how many and why.",
        "`ovsam check_data` lists all of it beforehand. Each row is a test of `tests/field`.",
        "",
        "[Back to the README](../README.md) · [your own data](data.md) · [training](training.md).",
    ]
    for section, text in SECTIONS.items():
        lines += ["", f"## {section}", "", text, "", "| file | answer | how, or why | test |"]
        lines += ["|---|---|---|---|"]
        lines += [
            f"| {r.what} | {r.answer} | {r.why} | `{r.test}` |" for r in rows if r.section == section
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from tests.field.page import render as rendered  # the module that the tests declare their rows in

    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(rendered())
