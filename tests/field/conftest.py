"""Fixtures of the tests on people's files."""

import pytest

from ovsam.datasets import coco_ov, pictures


@pytest.fixture
def logged(monkeypatch):
    """Returns all that data sets have logged so far."""
    lines: list[str] = []
    for module in (coco_ov, pictures):
        monkeypatch.setattr(module, "print_log", lambda text, *_: lines.append(text))
    pictures._NUM_STORED.clear()
    return lambda: "\n".join(lines)
