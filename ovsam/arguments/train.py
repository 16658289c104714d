"""`ovsam train`: train one config; leaves checkpoints, logs and `weights.safetensors` in work_dir."""

from argparse import ArgumentParser

from ovsam.arguments import add_run_options


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add_run_options(parser)
    add("--resume", action="store_true", help="continue from the last checkpoint")
    add("--amp", action="store_true", help="as --cfg-options precision=bfloat16")
    add(
        "--auto-scale-lr", action="store_true", help="scale the learning rate with the global batch size"
    )
