"""How long a click takes: in the predictor, through the page's server, and in a browser."""

import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ovsam.demo.service import DemoService
from ovsam.demo.word_lists import OWN_WORDS
from ovsam.inference.predictor import Predictor
from tests.demo.browser import Browser
from tests.demo.client import PageClient

WARM_UP = 3  # clicks before those that count: the first ones allocate
Places = Sequence[tuple[float, float]]

#: In the page: notes the milliseconds from a click until the picture with the answer is shown.
WATCH = """
let began = null;
window.clickTook = null;
document.addEventListener('pointerdown', () => { began = performance.now(); }, true);
document.addEventListener('load', event => {
  if (began === null || !event.target.closest || !event.target.closest('#picture')) return;
  window.clickTook = performance.now() - began;
  began = null;
}, true);
"""


def time_predictor(predictor: Predictor, picture: NDArray[np.uint8], places: Places) -> list[float]:
    """Milliseconds of every click on an encoded picture: mask, names and vector.

    Args:
        predictor: answers.
        picture: (H, W, 3) uint8 RGB.
        places: xy px, original.
    """
    encoded = predictor.encode(picture)

    def click(x: float, y: float) -> float:
        began = time.perf_counter()
        predictor.predict(points=[x, y], image=encoded)
        return 1000 * (time.perf_counter() - began)

    return _all_of(click, places)


def time_page(
    service: DemoService,
    address: str,
    picture: NDArray[np.uint8],
    places: Places,
    words: str = OWN_WORDS,
) -> list[float]:
    """Milliseconds of every click on an opened picture, from the request to the end of its answer.

    The answer is the drawn picture, the names, the status line and two files to download.

    Args:
        service: of the page.
        address: of the page.
        picture, places: see `time_predictor`.
        words: the list of names that is chosen.

    Raises:
        RuntimeError: the answer to a click is an error.
    """
    visitor = PageClient(address)
    visitor.open("picture.png", _as_png(picture))
    scale = service.picture(picture, "picture").shown_side / max(picture.shape[:2])

    def click(x: float, y: float) -> float:
        began = time.perf_counter()
        status = visitor.click(x * scale, y * scale, known=words)
        took = 1000 * (time.perf_counter() - began)
        if "mask of" not in status:
            raise RuntimeError(f"the page answered a click with {status}")
        visitor.send("clear", "click")
        return took

    return _all_of(click, places)


def time_browser(address: str, picture: NDArray[np.uint8], places: Places) -> list[float]:
    """Milliseconds of every click in headless Chromium, until the picture with the mask is shown.

    Args:
        address: of the served page.
        picture, places: see `time_predictor`.

    Raises:
        ValueError: there is no browser.
    """
    size = picture.shape[0], picture.shape[1]
    visitor = Browser(address)

    def click(x: float, y: float) -> float:
        visitor.driver.execute_script("window.clickTook = null")
        visitor.click_picture(x, y, size)
        took = visitor.wait(lambda: visitor.driver.execute_script("return window.clickTook"))
        visitor.await_status("mask of")
        visitor.press("#clear")
        visitor.await_status("Click on an object")
        return float(took)

    try:
        with TemporaryDirectory() as folder:
            path = Path(folder, "picture.png")
            path.write_bytes(_as_png(picture))
            visitor.upload(path)
            visitor.await_status(f"{size[1]} x {size[0]} px")
        visitor.driver.execute_script(WATCH)
        return _all_of(click, places)
    finally:
        visitor.close()


def _all_of(click: Callable[[float, float], float], places: Places) -> list[float]:
    for x, y in places[:WARM_UP]:
        click(x, y)
    return [click(x, y) for x, y in places]


def _as_png(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()
