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
    add = parser.add_argument
    add("sources", nargs="+", metavar="[PART=]SOURCE", help="weights, see above")
    add("--config", required=True, help="config of the model, such as mini/ovsam_rn")
    add("--output", required=True, type=Path, metavar="FILE.safetensors")
    add("--overwrite", action="store_true", help="replace FILE if it exists")
    add("--licence", default="", help="of sources that do not say theirs (local files by other names)")
    add("--offline", action="store_true", help="never use the network")
    add_config_options(parser, "weights_root=runs")
