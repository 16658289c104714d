"""`ovsam detect`: run a detector on a config's test images; leaves a result file of COCO's format.

The file is for `ovsam test CONFIG --prompts detection --detections FILE.json`. Detectors: those of
torchvision by name (`torchvision:maskrcnn_resnet50_fpn_v2`), and those of mmdet by config
(`mmdet:CONFIG.py`, with --weights; needs mmcv with compiled operators).
"""

from argparse import ArgumentParser
from pathlib import Path

from ovsam.arguments import add_config_options, add_device_option, positive_int


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("config", help="config whose images are taken, such as ovsam/...coco48_12e")
    add("detector", help="torchvision:NAME or mmdet:CONFIG.py")
    add("--output", type=Path, required=True, metavar="FILE.json", help="result file")
    add("--weights", help="checkpoint; mmdet needs one, torchvision takes the released one without it")
    add("--split", choices=("test", "val"), default="test", help="of the config's data")
    add("--score-floor", type=float, default=0.05, help="leave out boxes below")
    add("--max-per-image", type=positive_int, default=100, metavar="N", help="boxes kept")
    add_device_option(parser)
    add_config_options(parser, "the data's place")
