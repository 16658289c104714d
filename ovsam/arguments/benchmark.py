"""`ovsam benchmark`: memory and time of a semantic segmentor on one image, without weights.

benchmark escnet/escnet_vitl14_cocostuff_80k --classes 847 --one-view --write benchmark.json
benchmark catseg/catseg_vitb16_cocostuff_80k --classes 150 --device cuda --repeats 20

The whole way from a normalised image to its label map: views, model, chunks of classes, merging. Text
features are given: a vocabulary is encoded once. Weights and the image are random, which changes
neither memory nor time.
"""

import argparse
from pathlib import Path

from ovsam.arguments import natural_int, positive_int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("config", help="config of a semantic model, such as escnet/eval_a847")
    add("--classes", type=positive_int, default=150, metavar="T", help="of the vocabulary")
    add(
        "--size",
        type=positive_int,
        nargs=2,
        default=(640, 640),
        metavar=("H", "W"),
        help="of the image, px",
    )
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to run")
    add(
        "--precision", choices=("float32", "bfloat16", "float16"), default="float32", help="of the model"
    )
    add("--repeats", type=positive_int, default=1, metavar="K", help="timed images")
    add("--warm-up", type=natural_int, default=0, metavar="K", help="images before")
    add(
        "--one-view",
        action="store_true",
        help="compute only the views that go through the model first (of ESC-Net one) and use their"
        " logits for all: the same memory, no time",
    )
    add("--write", type=Path, metavar="FILE", help="add the result to this file")
