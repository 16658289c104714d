"""What `ovsam measure_clicks` does; its options are in `ovsam.arguments.measure_clicks`."""

import argparse
import importlib.util
import json
import os
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import write_signed
from ovsam.datasets.shapes.world import Scene, draw_scene
from ovsam.demo.latency import time_browser, time_page, time_predictor
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService
from ovsam.inference.predictor import Predictor
from ovsam.ops.points import centre_point


def run(args: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        ValueError: no clicks, or no browser where one is asked for.
        FileNotFoundError: no model there.
    """
    if args.clicks < 1:
        raise ValueError(f"--clicks must be 1 or more, got {args.clicks}")
    has_page = importlib.util.find_spec("gradio") is not None
    if args.browser and not has_page:
        raise ValueError("the web page needs gradio: pip install 'ovsam[demo]'")
    predictor = Predictor.from_pretrained(
        args.model, weights=args.weights, weights_root=args.weights_root, device=args.device
    )
    measurement = provenance.Measurement()
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    scene = draw_scene(seed=0, split="val", index=0)
    places = places_in(scene, args.clicks)
    found = {}
    found["predictor"] = summary(predictor, lambda: time_predictor(predictor, scene.image, places))
    if has_page:
        service = DemoService(predictor)
        page = Page(service)
        blocks = page.launch(prevent_thread_lock=True, quiet=True)
        address = blocks.local_url
        try:
            found["page"] = summary(predictor, lambda: time_page(service, address, scene.image, places))
            if args.browser:
                found["browser"] = summary(predictor, lambda: time_browser(address, scene.image, places))
        finally:
            blocks.close(verbose=False)
            page.downloads.close()
    for name, result in found.items():
        print(json.dumps({"through": name, **result}))
    if args.into:
        height, width = scene.image.shape[:2]
        content = {
            "command": "ovsam measure_clicks" + (" --browser" if args.browser else ""),
            "config": predictor.origin.config,
            "weights_sha256": sorted(predictor.origin.weights.values()),
            "picture": f"shapes val 0, {width} x {height} px",
            "clicks": args.clicks,
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
