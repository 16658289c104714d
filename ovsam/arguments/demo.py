"""`ovsam demo`: the web page: open a picture, click, get a mask and a name.

    ovsam demo                                       what `make quickstart` has trained
    ovsam demo --semantic-model escnet.safetensors   with a tab for semantic maps
    ovsam demo --model ovsam/ovsam_rn50x16_coco48_12e --weights weights.safetensors
    ovsam demo --host 0.0.0.0 --port 8080            for others too

Needs the extra `demo`: pip install 'ovsam[demo]'.
"""

import argparse
from pathlib import Path

from ovsam.arguments import add_device_option, add_model_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_model_options(parser)
    parser.add_argument(
        "--semantic-model",
        metavar="MODEL",
        help="for a tab of semantic maps: a .safetensors file, a folder, a config or a hub id; `none`"
        " leaves the tab out (default: what `make semantic` has trained, if anything)",
    )
    parser.add_argument("--semantic-weights", help="other weights for its config; `none` = random")
    add_device_option(parser)
    parser.add_argument("--examples", type=Path, metavar="FOLDER", help="pictures to start with")
    parser.add_argument("--host", default="127.0.0.1", help="address; 0.0.0.0 serves others too")
    parser.add_argument("--port", type=int, help="(default: the first free one from 7860)")
    group = parser.add_argument_group("limits of one visitor")
    group.add_argument("--max-megabytes", type=float, default=20, metavar="N", help="of a picture")
    group.add_argument("--max-pixels", type=int, default=25_000_000, metavar="N", help="of a picture")
    group.add_argument("--max-words", type=int, default=1_500, metavar="N", help="of a vocabulary")
    group.add_argument("--max-seconds", type=float, default=60, metavar="N", help="of an answer")
    group.add_argument("--max-queue", type=int, default=20, metavar="N", help="answers that may wait")
