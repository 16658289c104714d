"""Fixtures of the tests on people's files."""

import pytest

from ovsam.datasets import coco_ov


@pytest.fixture
def logged(monkeypatch):
    """Returns all that data sets have logged so far."""
    lines: list[str] = []
    monkeypatch.setattr(coco_ov, "print_log", lambda text, *_: lines.append(text))
    return lambda: "\n".join(lines)
