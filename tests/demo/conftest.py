"""A served page and browsers that drive it."""

import shutil
import tempfile
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT = 60  # s; a loaded machine is slow


def _found(names):
    return next((found for name in names if (found := shutil.which(name))), None)


class Browser:
    """Headless Chromium on the page, with the few things that a visitor does."""

    def __init__(self, address, width=1200, height=1000):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = _found(CHROMIUM_NAMES)
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
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_script_timeout(WAIT)
        if width < 500:  # no window is that narrow
            metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get(address)
        self.wait(lambda: self.all("#upload") and self.status())

    def close(self):
        self.driver.quit()
        shutil.rmtree(self._profile, ignore_errors=True)

    def all(self, css):
        from selenium.webdriver.common.by import By

        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def wait(self, condition, seconds=WAIT):
        """The condition's value as soon as it is true; what has gone is looked for again."""
        from selenium.common.exceptions import WebDriverException

        end, value = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                value = condition()
            except (WebDriverException, IndexError):
                value = None
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"nothing after {seconds} s; status: {self.status()!r}")

    def status(self):
        found = self.all("#status p")
        return found[0].text if found else ""

    def await_status(self, part, seconds=WAIT):
        return self.wait(lambda: part in self.status() and self.status(), seconds)

    def upload(self, path):
        [field] = self.all("input[type=file][data-testid='file-upload']") or self.all("input[type=file]")
        field.send_keys(str(path))

    def click_picture(self, x, y, size, css="#picture img"):
        """Click on pixel (x, y) of a picture of `size` (H, W)."""
        from selenium.webdriver.common.action_chains import ActionChains

        image, offset = self._place(x, y, size, css)
        ActionChains(self.driver).move_to_element_with_offset(image, *offset).click().perform()

    def drag_box(self, box, size, css="#picture img"):
        from selenium.webdriver.common.action_chains import ActionChains

        image, start = self._place(box[0], box[1], size, css)
        _, stop = self._place(box[2], box[3], size, css)
        chain = ActionChains(self.driver).move_to_element_with_offset(image, *start).click_and_hold()
        chain.move_to_element_with_offset(image, *stop).pause(0.1).release().perform()

    def _place(self, x, y, size, css):
        """The image, and where pixel (x, y) lies from its centre; it is fitted into its element."""
        image = self.wait(lambda: self.all(css)[0])
        self.wait(lambda: image.get_property("complete") and image.size["width"] > 50)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", image)
        box = self.wait(lambda: self._resting(image))
        scale = min(box["width"] / size[1], box["height"] / size[0])
        return image, ((x + 0.5 - size[1] / 2) * scale, (y + 0.5 - size[0] / 2) * scale)

    def _resting(self, image):
        """The image's place once it has stopped moving, as somebody who aims would wait for."""
        before = image.rect
        time.sleep(0.3)
        return before if image.rect == before else None

    def fill(self, css, text, submit=True):
        [field] = self.all(f"{css} textarea") or self.all(f"{css} input")
        # Letters beyond the basic plane cannot be typed by the driver.
        self.driver.execute_script(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event('input', {bubbles: true}));",
            field,
            text,
        )
        if submit:
            from selenium.webdriver.common.keys import Keys

            field.send_keys(Keys.ENTER)

    def press(self, css):
        button = self.wait(lambda: self.all(css)[0])
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def choose(self, css, label):
        [option] = [o for o in self.all(f"{css} label") if o.text.strip() == label]
        option.click()

    def names(self):
        """The names shown, best first, each once."""
        return [bar.get_attribute("aria-label") for bar in self.all("#names meter")]

    def download(self, css, suffix):
        """The bytes that a download button gives."""
        self.wait(lambda: self.all(css)[0].is_enabled())
        before = set(self._downloads.iterdir())
        self.press(css)
        [path] = self.wait(lambda: [p for p in self._downloads.glob(f"*{suffix}") if p not in before])
        content = path.read_bytes()
        path.unlink()
        return content

    def screenshot(self, name):
        folder = REPOSITORY / "work_dirs" / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(folder / f"{name}.png"))


@pytest.fixture
def browser():
    """Opens browsers; skipped where there is none."""
    pytest.importorskip("selenium", reason="needs selenium: pip install selenium")
    if not _found(CHROMIUM_NAMES) or not shutil.which("chromedriver"):
        pytest.skip("needs a browser and its driver: apt-get install chromium chromium-driver")
    opened = []

    def open_browser(address, **size):
        opened.append(Browser(address, **size))
        return opened[-1]

    yield open_browser
    for one in opened:
        one.close()
