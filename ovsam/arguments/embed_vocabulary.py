"""`ovsam embed_vocabulary`: store the text embeddings of a vocabulary, or fill the cache of a config.

    ovsam embed_vocabulary shapes22k --output shapes22k.safetensors
    ovsam embed_vocabulary names.txt --output names.safetensors --model MODEL
    ovsam embed_vocabulary lvis --output lvis.safetensors --config ovsam/ovsam_rn50x16_lvis_12e
    ovsam embed_vocabulary "red circle" "blue bar" --output two.safetensors
    ovsam embed_vocabulary mini/ovsam_rn              the cache of a config, ahead of its run

The file (half precision) holds names, synonyms, templates and a digest of the text weights:
`ovsam predict --vocabulary FILE.safetensors` names by it and runs no text encoder, and refuses it for
another model. Empty and repeated names are errors here.

Runs of a config make the embeddings at first use. If a machine lacks the time or memory for that, fill
its cache (OVSAM_CACHE) elsewhere.
"""

from argparse import ArgumentParser
from pathlib import Path

from ovsam.arguments import add_config_options, add_device_option, add_model_options


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add(
        "names",
        nargs="+",
        metavar="NAMES",
        help="class names; a .txt or .json file; or a known list, such as coco, lvis, v3det, imagenet21k"
        " or shapes22k. Without --output: a config",
    )
    add("--output", type=Path, metavar="FILE", help="the .safetensors file to write")
    add(
        "--config",
        help="take the text encoder of this config's classifier, from its initial_weights or --weights,"
        " and load nothing else of the model",
    )
    add_model_options(parser)
    add_device_option(parser)
    add("--offline", action="store_true", help="never use the network")
    add_config_options(parser, "weights_root=runs")
