"""`ovsam measure_clicks`: how long the answer to a click takes, wall-clock, and whether an encoder runs.

    ovsam measure_clicks                              predictor, and page where gradio is installed
    ovsam measure_clicks --browser --into configs/mini/latency.json

Clicks on objects of one drawn scene, which is encoded before. The predictor's answer is mask, names and
vector; the page's also the drawn picture and two files; in the browser it is shown.
"""

import argparse
from pathlib import Path

from ovsam.arguments import add_device_option, add_model_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_model_options(parser)
    add_device_option(parser)
    parser.add_argument("--clicks", type=int, default=50, metavar="N", help="measured")
    parser.add_argument("--browser", action="store_true", help="headless Chromium, too")
    parser.add_argument("--into", type=Path, metavar="FILE.json", help="results file to write")
