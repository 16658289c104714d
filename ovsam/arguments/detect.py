"""`ovsam detect`: run a detector on a config's test images; leaves a result file of COCO's format.

The file is for `ovsam test CONFIG --prompts detection --detections FILE.json`. Detectors: those of
torchvision by name (`torchvision:maskrcnn_resnet50_fpn_v2`), and those of mmdet by config
(`mmdet:CONFIG.py`, with --weights; needs mmcv with compiled operators).
"""

from argparse import ArgumentParser
from pathlib import Path

from ovsam.arguments import add_config_options, add_device_option


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("config", help="config whose images are taken, such as ovsam/...coco48_12e")
    parser.add_argument("detector", help="torchvision:NAME or mmdet:CONFIG.py")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json", help="result file")
    parser.add_argument(
        "--weights", help="checkpoint; mmdet needs one, torchvision takes the released one without it"
    )
    parser.add_argument("--split", choices=("test", "val"), default="test", help="of the config's data")
    parser.add_argument("--score-floor", type=float, default=0.05, help="leave out boxes below")
    parser.add_argument("--max-per-image", type=int, default=100, metavar="N", help="boxes kept")
    add_device_option(parser)
    add_config_options(parser, "the data's place")
