"""`ovsam benchmark`: speed and memory of a stage of the work, beside what others do it with.

    tools/benchmark.py encoder --architecture vit_b --device cpu --json
    tools/benchmark.py click --prompts 1 64
    tools/benchmark.py metrics
    tools/benchmark.py train --of mini --device cpu
    tools/benchmark.py profile
    tools/benchmark.py data --workers 0 1 2
    tools/benchmark.py evaluate
    tools/benchmark.py cache_teacher
    tools/benchmark.py semantic escnet/escnet_vitl14_cocostuff_80k --classes 847 --one-view
    tools/benchmark.py vocabulary --classes 10 100 1203
    tools/benchmark.py scoring --classes 26000 --synonyms 2 --regions 500

Ours and the peer run in turn, after `--warm-up` runs of each that do not count; times are medians of
`--repeats`. Weights, pictures and prompts are random, which changes neither time nor memory. Memory is
the peak of a process that does one side's work once: of its allocator on a GPU, else the resident one
with libraries. A FILE of `--write` keeps one result of every stage, model, device and precision. Stages:

- encoder: SAM's image encoder, beside segment-anything's; in half precision also beside that in float32.
- click: N clicks on an encoded image, beside segment-anything's decoder, one click at a time.
- metrics: centre points, IoU and AP, beside scipy (or kornia where it is installed), torch, pycocotools.
- image: an image with 10 boxes, beside the same model without fast paths, one box at a time.
- train: steps of CLIP2SAM and SAM2CLIP at batch 2, beside the same without fast paths.
- profile: the shares of data, model, optimiser and hooks in steps of SAM2CLIP and CLIP2SAM in miniature,
  as `ovsam train` runs them on drawn pictures; no peer. Here runs are epochs, and times are means. Data:
  with normalising; model: forward and backward, and looking up the kept maps of frozen parts.
- data: CLIP2SAM's full-size training pictures from JPEG and polygons to batches, by the number of worker
  processes, and what each of these holds in memory that it shares with none (Linux); no peer.
- evaluate: images to metrics with boxes as prompts, as `ovsam test` does it, and the shares of data,
  model and metric; beside a plain loop with segment-anything's, open_clip's and pycocotools' code.
- cache_teacher: a teacher's features to disk and back, without the teacher; beside a file of float32 an
  image, which neither has a checksum nor waits for the disk.
- semantic: one image through a semantic segmentor, from normalised pixels to its label map; no peer.
- vocabulary: class names to vectors, beside open_clip's text tower.
- scoring: the best names of regions in a large vocabulary, in chunks, beside the direct product of all;
  also both branches with their fusion (`fused`). Memory is that of tensors on top of the embeddings.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ovsam.arguments import natural_int, positive_int

PRECISIONS = ("float32", "bfloat16", "float16")
ENCODERS = ("vit_h", "vit_l", "vit_b", "mini")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)

    def add(name: str, help: str, repeats: int = 3, warm_up: int = 1) -> Any:
        added = stages.add_parser(name, help=help, formatter_class=parser.formatter_class)
        added.add_argument(
            "--repeats", type=positive_int, default=repeats, metavar="K", help="timed runs"
        )
        added.add_argument(
            "--warm-up", type=natural_int, default=warm_up, metavar="K", help="runs before"
        )
        added.add_argument("--json", action="store_true", help="print one line of JSON")
        added.add_argument("--write", type=Path, metavar="FILE", help="results file")
        return added

    def add_models(added: Any) -> None:
        added.add_argument("--architecture", choices=ENCODERS, default="vit_b", help="of SAM")
        _add_device(added)

    encoder = add("encoder", "SAM's image encoder")
    add_models(encoder)
    encoder.add_argument(
        "--precision", choices=PRECISIONS, default="float32", help="of both; errors are those to float32"
    )
    encoder.add_argument(
        "--two-blocks", action="store_true", help="one windowed and one global block instead of all"
    )
    _add_compile(encoder)
    _add_numbers(encoder, "--sizes", None, "sides of the picture, px (default: the architecture's)")
    click = add("click", "clicks on an encoded image")
    add_models(click)
    _add_numbers(click, "--prompts", (1, 64), "clicks at once")
    _add_compile(click)
    metrics = add("metrics", "what evaluation computes", repeats=5)
    metrics.add_argument("--side", type=positive_int, default=1024, help="of a mask, px")
    metrics.add_argument("--images", type=positive_int, default=500, help="of the AP's annotation file")
    for name, help in (("image", "an image with 10 boxes"), ("train", "steps of training")):
        promptable = add(name, help, repeats=5)
        _add_device(promptable)
        promptable.add_argument(
            "--of", choices=("full", "mini"), default="full", help="size of the models"
        )
        promptable.add_argument(
            "--precisions",
            nargs="+",
            choices=PRECISIONS[:2],
            default=PRECISIONS[:2],
            help="of the models",
        )
        _add_compile(promptable)
    profile = add("profile", "parts of a training step", repeats=2)
    _add_device(profile)
    profile.add_argument("--images", type=positive_int, default=200, metavar="N", help="drawn for it")
    data = add("data", "training pictures from files to batches")
    _add_numbers(data, "--workers", (0, 1, 2), "processes that load; 0: none", natural_int)
    data.add_argument("--images", type=positive_int, default=64, metavar="N", help="timed")
    data.add_argument(
        "--annotations", type=positive_int, default=100_000, metavar="N", help="in the file"
    )
    evaluate = add("evaluate", "images to metrics")
    _add_device(evaluate)
    evaluate.add_argument("--images", type=positive_int, default=64, metavar="N", help="drawn for it")
    _add_numbers(
        evaluate,
        "--processes",
        (),
        "also on so many processes, which share the cores; with GPUs one each",
    )
    features = add("cache_teacher", "a teacher's features to disk and back")
    features.add_argument("--images", type=positive_int, default=64, metavar="N", help="embeddings")
    features.add_argument(
        "--shape",
        type=positive_int,
        nargs=3,
        default=(256, 64, 64),
        metavar=("C", "H", "W"),
        help="of an embedding",
    )
    features.add_argument(
        "--folder", type=Path, help="on the disk to measure (default: that of temporary files)"
    )
    semantic = add("semantic", "an image through a semantic segmentor", repeats=1, warm_up=0)
    semantic.add_argument("config", help="config of a semantic model, such as escnet/eval_a847")
    semantic.add_argument(
        "--classes", type=positive_int, default=150, metavar="T", help="of the vocabulary"
    )
    semantic.add_argument(
        "--size",
        type=positive_int,
        nargs=2,
        default=(640, 640),
        metavar=("H", "W"),
        help="of the image, px",
    )
    semantic.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to run")
    semantic.add_argument("--precision", choices=PRECISIONS, default="float32", help="of the model")
    semantic.add_argument(
        "--one-view",
        action="store_true",
        help="compute only the views that go through the model first (of ESC-Net one) and use their"
        " logits for all: the same memory, no time",
    )
    vocabulary = add("vocabulary", "class names to vectors")
    vocabulary.add_argument("--architecture", default="RN50", help="of CLIP, such as ViT-B-16")
    _add_device(vocabulary)
    _add_numbers(vocabulary, "--classes", (10, 100), "names, those of LVIS again and again")
    scoring = add("scoring", "regions against a large vocabulary", repeats=5)
    _add_device(scoring)
    _add_numbers(scoring, "--classes", (26_000,), "of the vocabulary")
    for name, default, help in (
        ("--synonyms", 2, "of each class"),
        ("--regions", 500, "scored at once"),
        ("--width", 768, "of a vector; RN50x16 has 768"),
    ):
        scoring.add_argument(name, type=positive_int, default=default, metavar="N", help=help)


def _add_device(parser: Any) -> None:
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), help="where to run (default: a GPU if there is one)"
    )


def _add_compile(parser: Any) -> None:
    parser.add_argument("--compile", action="store_true", help="ours compiled; on a GPU only")


def _add_numbers(
    parser: Any,
    name: str,
    default: tuple[int, ...] | None,
    help: str,
    kind: Callable[[str], int] = positive_int,
) -> None:
    parser.add_argument(name, type=kind, nargs="+", default=default, metavar="N", help=help)
