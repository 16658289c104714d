"""Browsers that drive a served page."""

from pathlib import Path

import pytest

from tests.demo.browser import Browser, missing_parts

SCREENSHOTS = Path(__file__).resolve().parents[2] / "work_dirs" / "demo"


@pytest.fixture
def browser():
    """Opens browsers; skipped where there is none."""
    if missing := missing_parts():
        pytest.skip(missing)
    opened = []

    def open_browser(address, **size):
        opened.append(Browser(address, screenshots=SCREENSHOTS, **size))
        return opened[-1]

    yield open_browser
    for one in opened:
        one.close()
