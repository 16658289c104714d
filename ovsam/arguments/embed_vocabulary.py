"""`ovsam embed_vocabulary`: fill the cache of class embeddings of a config ahead of a run.

Runs make the embeddings at first use. If a machine lacks the time or memory for that, fill its cache
(OVSAM_CACHE) elsewhere.
"""

from argparse import ArgumentParser

from ovsam.arguments import add_config_options, add_device_option


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("config", help="config file, or its name, such as mini/ovsam_rn")
    add(
        "--weights",
        metavar="SOURCE",
        help="file or source of the whole model (default: the config's initial_weights)",
    )
    add_device_option(parser)
    add("--offline", action="store_true", help="never use the network")
    add_config_options(parser, "weights_root=runs")
