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

PARTS = ("image", "clip2sam_step", "sam2clip_live_step", "sam2clip_cached_step")
PRECISIONS = ("float32", "bfloat16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--of", choices=("full", "mini"), default="full", help="size of the models")
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), help="where to run (default: a GPU if there is one)"
    )
    parser.add_argument(
        "--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="of the models"
    )
    parser.add_argument("--warm-up", type=int, default=3, metavar="K", help="runs before")
    parser.add_argument("--repeats", type=int, default=10, metavar="K", help="timed runs")
    parser.add_argument("--write", type=Path, metavar="FILE", help="results file")
