"""Starting a browser that does not start: nothing of it stays."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from tests.demo import browser


class Driver:
    """Answers nothing that a page would."""

    ended = 0

    def __init__(self, **_):
        self.set_script_timeout = self.get = self.execute_cdp_cmd = lambda *_: None

    def find_elements(self, *_):
        return []

    def quit(self):
        Driver.ended += 1


def refuse(**_):
    raise OSError("no such driver")


@pytest.fixture
def selenium(monkeypatch, tmp_path):
    """Stands for the library; temporary folders go to `tmp_path`."""
    options = SimpleNamespace(
        add_argument=str, add_experimental_option=lambda *_: None, set_capability=lambda *_: None
    )
    parts = {
        "selenium": {},
        "selenium.webdriver": {"ChromeOptions": lambda: options, "Chrome": Driver},
        "selenium.webdriver.chrome": {},
        "selenium.webdriver.chrome.service": {"Service": lambda _: None},
        "selenium.common": {},
        "selenium.common.exceptions": {"WebDriverException": RuntimeError},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["selenium"].webdriver = sys.modules["selenium.webdriver"]
    monkeypatch.setattr(browser, "missing_parts", lambda: "")
    monkeypatch.setattr(browser.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(browser.Browser.wait, "__defaults__", (0.0,))
    return sys.modules["selenium.webdriver"]


def test_a_page_that_does_not_come_leaves_no_browser_and_no_profile(selenium, tmp_path):
    before = Driver.ended
    with pytest.raises(TimeoutError, match="nothing after"):
        browser.Browser("http://127.0.0.1:1")
    assert Driver.ended == before + 1
    assert not list(tmp_path.iterdir())


def test_a_browser_that_does_not_start_leaves_no_profile(selenium, tmp_path, monkeypatch):
    monkeypatch.setattr(selenium, "Chrome", refuse)
    with pytest.raises(OSError, match="no such driver"):
        browser.Browser("http://127.0.0.1:1")
    assert not list(tmp_path.iterdir())
