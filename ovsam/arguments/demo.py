"""`ovsam demo`: the web page: open a picture, click, get a mask and a name.

    ovsam demo                                       released weights that know drawn shapes
    ovsam demo --model quickstart                    what `make quickstart` has trained
    ovsam demo --semantic-model escnet.safetensors   another model for the tab of semantic maps
    ovsam demo --model ovsam/ovsam_rn50x16_coco48_12e --weights weights.safetensors
    ovsam demo --lists imagenet21k names.txt         22,000 names to choose from
    ovsam demo --host 0.0.0.0 --port 8080            for others too

Needs the extra `demo`: pip install 'ovsam[demo]'.
"""

import argparse
from pathlib import Path

from ovsam.arguments import add_device_option, add_model_options, positive_float, positive_int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add_model_options(parser)
    add(
        "--semantic-model",
        metavar="MODEL",
        help="for a tab of semantic maps: a .safetensors file, a folder, a config or a hub id; `none`"
        " leaves the tab out (default: shapes_escnet beside models that know drawn shapes, what"
        " `make semantic` has trained beside quickstart, no tab beside others)",
    )
    add("--semantic-weights", help="other weights for its config; `none` = random")
    add_device_option(parser)
    add("--compile", action="store_true", help="on a GPU, compile for clicks; starts later")
    add(
        "--lists",
        nargs="+",
        metavar="LIST",
        help="also offer these lists of names: large known ones, such as v3det or imagenet21k, or .txt,"
        " .json or .safetensors files; they are embedded at first use (default: shapes22k if the model"
        " knows drawn shapes)",
    )
    add("--examples", type=Path, metavar="FOLDER", help="pictures to start with")
    add("--host", default="127.0.0.1", help="address; 0.0.0.0 serves others too")
    add("--port", type=int, help="(default: the first free one from 7860)")
    limit = parser.add_argument_group("limits of one visitor").add_argument
    limit("--max-megabytes", type=positive_float, default=20, metavar="N", help="of a picture")
    limit("--max-pixels", type=positive_int, default=25_000_000, metavar="N", help="of a picture")
    limit("--max-words", type=positive_int, default=1_500, metavar="N", help="of a vocabulary")
    limit("--max-seconds", type=positive_float, default=60, metavar="N", help="of an answer")
    limit("--max-queue", type=positive_int, default=20, metavar="N", help="answers that may wait")
