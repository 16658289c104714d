"""The page in a real browser: headless Chromium, as a visitor drives it. Extra: `browser-tests`."""

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ovsam.interfaces import Size

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
ENTER = "\ue007"  # as WebDriver writes the key
WAIT = 60  # s; a loaded machine is slow

#: A phone lays a page that is too wide out on a wider window, so the width to compare with is given.
OVERFLOW = """
const [width, found] = [arguments[0], []];
const inner = document.documentElement.scrollWidth;
if (inner > width) found.push(`page: ${inner} px`);
for (const e of document.querySelectorAll('main, main *')) {
  const r = e.getBoundingClientRect();
  if (!r.width || !e.checkVisibility() || e.closest('.visually-hidden, .sr-only, svg')) continue;
  if (r.left < -1 || r.right > width + 1)
    found.push(`${e.tagName} ${e.id || e.className}: ${r.left} to ${r.right} px`);
}
return found;
"""
CONTRAST = """
const numbers = text => text.match(/[\\d.]+/g).map(Number);
const linear = v => v <= 10.3 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
const behind = e => {
  for (; e; e = e.parentElement) {
    const colour = numbers(getComputedStyle(e).backgroundColor);
    if (colour.length == 3 || colour[3] == 1) return colour;
  }
  return [255, 255, 255];
};
const found = [];
for (const e of document.querySelectorAll('main *')) {
  const hint = e.placeholder && !e.value, typed = e.type != 'radio' && e.type != 'range' && e.value;
  const text = hint ? e.placeholder : typed || [...e.childNodes].filter(n => n.nodeType == 3)
    .map(n => n.textContent.trim()).join('');
  if (!text || !e.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
  if (e.closest('.visually-hidden, .sr-only, [disabled]')) continue;
  const style = getComputedStyle(e, hint ? '::placeholder' : null), size = parseFloat(style.fontSize);
  const [less, more] = [light(numbers(style.color)), light(behind(e))].sort((a, b) => a - b);
  const ratio = (more + 0.05) / (less + 0.05);
  const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
  if (ratio < needed) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
}
return found;
"""


class Place(NamedTuple):
    """Where a part of the page stands, px."""

    left: float
    top: float
    right: float
    bottom: float


def missing_parts() -> str:
    """What to install before a browser can start; empty if nothing is missing."""
    if importlib.util.find_spec("selenium") is None:
        return "needs selenium: pip install 'ovsam[browser-tests]'"
    if not _chromium() or not shutil.which("chromedriver"):
        return "needs a browser and its driver: apt-get install chromium chromium-driver"
    return ""


class Browser:
    """Headless Chromium on the page, with the few things that a visitor does.

    Args:
        address: of the page.
        width, height: px that show the page; less than 500 wide is a phone.
        screenshots: folder for `screenshot`.

    Raises:
        ValueError: selenium, the browser or its driver is not installed.
    """

    def __init__(
        self, address: str, width: int = 1200, height: int = 1000, screenshots: Path | None = None
    ) -> None:
        missing = missing_parts()
        if missing:
            raise ValueError(f"the browser cannot start: {missing}")
        from selenium import webdriver  # an extra: `pip install 'ovsam[browser-tests]'`
        from selenium.webdriver.chrome.service import Service  # as above

        self._webdriver = webdriver
        self.screenshots = screenshots
        options = webdriver.ChromeOptions()
        options.binary_location = _chromium()
        self._profile = tempfile.mkdtemp(prefix="ovsam-browser-")
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", f"--user-data-dir={self._profile}",
            f"--window-size={width},{height}",
        ):  # fmt: skip
            options.add_argument(argument)
        self._downloads = Path(self._profile, "downloads")
        self._downloads.mkdir()
        options.add_experimental_option("prefs", {"download.default_directory": str(self._downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        try:
            self.driver = webdriver.Chrome(
                options=options, service=Service(shutil.which("chromedriver"))
            )
        except Exception:
            shutil.rmtree(self._profile, ignore_errors=True)
            raise
        try:
            self.resize(width, height)
            self._open(address)
        except Exception:
            self.close()
            raise

    def resize(self, width: int, height: int) -> None:
        """Show the page in another size, px, or on a phone."""
        self.width, self.height = width, height
        is_phone = width < 500  # no window is that narrow
        metrics = {
            "width": width, "height": height, "deviceScaleFactor": 1 + is_phone, "mobile": is_phone
        }  # fmt: skip
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def _open(self, address: str) -> None:
        self.driver.set_script_timeout(WAIT)
        self.driver.get(address)
        self.wait(lambda: self.all("#upload") and self.status())

    def close(self) -> None:
        """End the browser and delete its profile."""
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def all(self, css: str) -> list[Any]:
        """All elements that a CSS selector finds."""
        return self.driver.find_elements("css selector", css)

    def wait(self, condition: Callable[[], Any], seconds: float = WAIT) -> Any:
        """Wait until the condition is true and return its value; lost elements are looked up again.

        Raises:
            TimeoutError: it does not become true.
        """
        from selenium.common.exceptions import WebDriverException  # an extra, as above

        end, value = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                value = condition()
            except (WebDriverException, IndexError, StopIteration):
                value = None
            if value:
                return value
            time.sleep(0.05)
        raise TimeoutError(f"nothing after {seconds} s; status: {self.status()!r}")

    def status(self) -> str:
        """Text of the status line."""
        found = self.all("#status p")
        return found[0].text if found else ""

    def await_status(self, part: str, seconds: float = WAIT) -> str:
        """The status line as soon as `part` is in it."""
        return self.wait(lambda: part in self.status() and self.status(), seconds)

    def upload(self, path: str | Path) -> None:
        """Open a picture."""
        [field] = self.all("input[type=file][data-testid='file-upload']") or self.all("input[type=file]")
        field.send_keys(str(path))

    def click_picture(self, x: float, y: float, size: Size, css: str = "#picture img") -> None:
        """Click on pixel (x, y) of a picture of `size` (H, W)."""
        image, offset = self._place(x, y, size, css)
        self._hand().move_to_element_with_offset(image, *offset).click().perform()

    def drag_box(self, box: Sequence[float], size: Size, css: str = "#picture img") -> None:
        """Drag a box, xyxy px of a picture of `size` (H, W)."""
        image, start = self._place(box[0], box[1], size, css)
        _, stop = self._place(box[2], box[3], size, css)
        chain = self._hand().move_to_element_with_offset(image, *start).click_and_hold()
        chain.move_to_element_with_offset(image, *stop).pause(0.1).release().perform()

    def _hand(self) -> Any:
        return self._webdriver.ActionChains(self.driver)

    def _place(self, x: float, y: float, size: Size, css: str) -> tuple[Any, tuple[float, float]]:
        """The image, and the offset of pixel (x, y) from its centre; the image fits into its element."""
        image = self.wait(lambda: self.all(css)[0])
        self.wait(lambda: image.get_property("complete") and image.size["width"] > 50)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", image)
        box = self.wait(lambda: self._resting(image))
        scale = min(box["width"] / size[1], box["height"] / size[0])
        return image, ((x + 0.5 - size[1] / 2) * scale, (y + 0.5 - size[0] / 2) * scale)

    def _resting(self, image: Any) -> dict[str, Any] | None:
        """The image's place once it has stopped moving."""
        before = image.rect
        time.sleep(0.3)
        return before if image.rect == before else None

    def fill(self, css: str, text: str, submit: bool = True) -> None:
        """Write into a field, and press Enter."""
        [field] = self.all(f"{css} textarea") or self.all(f"{css} input")
        # Letters beyond the basic plane cannot be typed by the driver.
        self.driver.execute_script(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('input', {bubbles: true}));",
            field,
            text,
        )
        if submit:
            field.send_keys(ENTER)

    def press(self, css: str) -> None:
        """Press a button."""
        button = self.wait(lambda: self.all(css)[0])
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def choose(self, css: str, label: str) -> None:
        """Choose a radio button."""
        [option] = [o for o in self.all(f"{css} label") if o.text.strip() == label]
        option.click()

    def names(self) -> list[str]:
        """The names shown, best first."""
        return [bar.get_attribute("aria-label") for bar in self.all("#names meter")]

    def download(self, css: str, suffix: str) -> bytes:
        """The bytes that a download button gives."""
        self.wait(lambda: self.all(css)[0].is_enabled())
        before = set(self._downloads.iterdir())
        self.press(css)
        [path] = self.wait(lambda: [p for p in self._downloads.glob(f"*{suffix}") if p not in before])
        content = path.read_bytes()
        path.unlink()
        return content

    def place(self, css: str) -> Place:
        """Where the first shown element that a CSS selector finds stands, from the top of the page."""
        rect = next(element for element in self.all(css) if element.is_displayed()).rect
        left, top = float(rect["x"]), float(rect["y"])
        return Place(left, top, left + rect["width"], top + rect["height"])

    def overflow(self) -> list[str]:
        """Parts that reach beyond the sides of the window, and the page itself."""
        return list(self.driver.execute_script(OVERFLOW, self.width))

    def faint_texts(self) -> list[str]:
        """Shown texts with less contrast than WCAG 2 AA asks for, with their ratios."""
        return list(self.driver.execute_script(CONTRAST))

    def screenshot(self, name: str) -> None:
        """Save a screenshot as `<name>.png` if there is a folder for it."""
        if self.screenshots is not None:
            self.screenshots.mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(self.screenshots / f"{name}.png"))


def _chromium() -> str | None:
    return next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
