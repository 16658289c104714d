"""The page's picture in the docs, a clicked object: `screenshot.py ovsam/demo/page.jpg`."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script has its own folder there

from ovsam.arguments.demo import add_arguments
from ovsam.commands.demo import about, examples_of, lists_of, semantic_of
from ovsam.commands.shared.pictures import load_model
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService
from ovsam.inference.predictor import Predictor
from tests.demo.browser import Browser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page, click, save.

    Raises:
        FileNotFoundError: no model there.
        ValueError: no browser.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE.jpg")
    add_arguments(parser)
    at = "place to click on the first example, px (default: its centre)"
    parser.add_argument("--point", type=float, nargs=2, metavar=("X", "Y"), help=at)
    args = parser.parse_args(arguments)
    predictor = load_model(Predictor, args, device=args.device)
    examples = examples_of(None)
    size = examples[0][1].shape[:2]
    semantic = semantic_of(args, predictor)
    models = [predictor] if semantic is None else [predictor, semantic]
    page = Page(
        DemoService(predictor, semantic=semantic, lists=lists_of(args, predictor)),
        examples,
        about(*models),
    )
    blocks = page.launch(prevent_thread_lock=True, quiet=True)
    try:
        visitor = Browser(blocks.local_url, width=1280, height=1000)
        try:
            x, y = args.point or np.array(size[::-1]) / 2
            visitor.click_picture(x, y, size)
            visitor.await_status("mask of")
            visitor.driver.execute_script("scrollTo(0, 0)")
            picture = Image.open(io.BytesIO(visitor.driver.get_screenshot_as_png()))
        finally:
            visitor.close()
    finally:
        blocks.close(verbose=False)
        page.downloads.close()
    picture.convert("RGB").save(args.file, quality=85)
    return 0


if __name__ == "__main__":
    sys.exit(main())
