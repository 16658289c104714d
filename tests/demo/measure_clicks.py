"""How long the answer to a click takes, wall-clock, and whether an encoder runs.

    python tests/demo/measure_clicks.py               predictor, and page where gradio is installed
    python tests/demo/measure_clicks.py --browser --into configs/mini/latency.json
    python tests/demo/measure_clicks.py --names shapes22k     24,000 names offered

Clicks on objects of one drawn scene, which is encoded before. The predictor's answer is mask, names and
vector; the page's also the drawn picture and two files; in the browser it is shown.
"""

import argparse
import importlib.util
import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script has its own folder there

from ovsam.arguments import add_device_option, add_model_options, positive_int
from ovsam.benchmark import provenance
from ovsam.benchmark.signed import write_signed
from ovsam.commands.shared.pictures import load_model
from ovsam.datasets.shapes.world import Scene, draw_scene
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService
from ovsam.demo.word_lists import OWN_WORDS
from ovsam.inference.predictor import Predictor
from ovsam.ops.points import centre_point
from tests.demo.latency import time_browser, time_page, time_predictor


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Raises:
        FileNotFoundError: no model there.
        ValueError: no browser where one is asked for.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_model_options(parser)
    add_device_option(parser)
    parser.add_argument("--clicks", type=positive_int, default=50, metavar="N", help="measured")
    parser.add_argument("--browser", action="store_true", help="headless Chromium, too")
    parser.add_argument("--names", default=OWN_WORDS, help="list of names that is offered")
    parser.add_argument("--into", type=Path, metavar="FILE.json", help="results file to write")
    args = parser.parse_args(arguments)
    has_page = importlib.util.find_spec("gradio") is not None
    if args.browser and not has_page:
        parser.error("the web page needs gradio: pip install 'ovsam[demo]'")
    predictor = load_model(Predictor, args, device=args.device)
    if args.names != OWN_WORDS:
        if args.browser:
            parser.error("--names is measured in the predictor and through the page's server")
        predictor.set_vocabulary(args.names)
    num_names = 0 if predictor.vocabulary is None else len(predictor.vocabulary)
    measurement = provenance.Measurement()
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    scene = draw_scene(seed=0, split="val", index=0)
    places = places_in(scene, args.clicks)
    found = {}
    found["predictor"] = summary(predictor, lambda: time_predictor(predictor, scene.image, places))
    if has_page:
        service = DemoService(predictor, lists=[] if args.names == OWN_WORDS else [args.names])
        page = Page(service)
        blocks = page.launch(prevent_thread_lock=True, quiet=True)
        address = blocks.local_url
        try:
            timed = (service, address, scene.image, places, args.names)
            found["page"] = summary(predictor, lambda: time_page(*timed))
            if args.browser:
                found["browser"] = summary(predictor, lambda: time_browser(address, scene.image, places))
        finally:
            blocks.close(verbose=False)
            page.downloads.close()
    for name, result in found.items():
        print(json.dumps({"through": name, "names": num_names, **result}))
    if args.into:
        height, width = scene.image.shape[:2]
        content = {
            "command": "python tests/demo/measure_clicks.py" + (" --browser" if args.browser else ""),
            "config": predictor.origin.config,
            "weights_sha256": sorted(predictor.origin.weights.values()),
            "picture": f"shapes val 0, {width} x {height} px",
            "clicks": args.clicks,
            "names": num_names,
            "load_average": load,
            "milliseconds": found,
            "provenance": measurement.origin(),
        }
        write_signed(content, args.into)
    return 0


def places_in(scene: Scene, number: int) -> list[tuple[float, float]]:
    """Places on objects, xy px: the inmost pixels of the objects in turn."""
    inmost = [(float(x), float(y)) for x, y in filter(None, map(centre_point, scene.masks))]
    return [inmost[i % len(inmost)] for i in range(number)]


def summary(predictor: Predictor, measure: Callable[[], list[float]]) -> dict[str, Any]:
    """Median and 95th percentile in milliseconds; pictures that were encoded for all clicks together."""
    before = predictor.num_encoder_runs
    took = measure()
    return {
        "median": round(statistics.median(took), 2),
        "p95": round(float(np.percentile(took, 95)), 2),
        "encoder_runs": predictor.num_encoder_runs - before,
    }


if __name__ == "__main__":
    sys.exit(main())
