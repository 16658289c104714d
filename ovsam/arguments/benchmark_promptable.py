"""`ovsam benchmark_promptable`: time and memory of an image and of training steps, without weights.

    tools/benchmark_promptable.py --device cuda --write configs/ovsam/benchmark_gpu.json
    tools/benchmark_promptable.py --of mini --device cpu --write benchmark.json

What is timed: prediction of one image with 10 boxes, and one step of training at batch 2 (forward,
backward, clipping, optimiser) of CLIP2SAM, of SAM2CLIP with the live teacher and of SAM2CLIP from cached
features. Weights, images, prompts and masks are random, which changes neither time nor memory; reading
of pictures and the text tower are left out. Every part runs in a process of its own, so that no memory
is counted twice.
"""

import argparse
from pathlib import Path

from ovsam.arguments import natural_int, positive_int

PARTS = ("image", "clip2sam_step", "sam2clip_live_step", "sam2clip_cached_step")
PRECISIONS = ("float32", "bfloat16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    add("--of", choices=("full", "mini"), default="full", help="size of the models")
    add("--device", choices=("cpu", "cuda"), help="where to run (default: a GPU if there is one)")
    add("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="of the models")
    add("--warm-up", type=natural_int, default=3, metavar="K", help="runs before")
    add("--repeats", type=positive_int, default=10, metavar="K", help="timed runs")
    add("--write", type=Path, metavar="FILE", help="results file")
