"""`ovsam convert_weights`: released files and checkpoints to one safetensors file of a config's model.

    ovsam convert_weights ovsam_sam2clip_rn50x16 ovsam_clip2sam_coco_rn50x16 \\
        --config ovsam/ovsam_rn50x16_coco48_12e --output ovsam_coco.safetensors

A SOURCE is a released name, a path or a trained config, with `#PREFIX` for a part of it; `PART=SOURCE`
puts it into that part of the model. Later sources replace earlier ones. What no source holds comes from
the config's `initial_weights`. Names and shapes must be exactly those of the config's model. A SOURCE
that is nothing of the kind lists the released names.
"""

from argparse import ArgumentParser
from pathlib import Path

from ovsam.arguments import add_config_options


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("sources", nargs="+", metavar="[PART=]SOURCE", help="weights, see above")
    parser.add_argument("--config", required=True, help="config of the model, such as mini/ovsam_rn")
    parser.add_argument("--output", required=True, type=Path, metavar="FILE.safetensors")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.add_argument(
        "--licence", default="", help="of sources that do not say theirs (local files by other names)"
    )
    parser.add_argument("--offline", action="store_true", help="never use the network")
    add_config_options(parser, "weights_root=runs")
