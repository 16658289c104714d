"""`ovsam train`: train one config; leaves checkpoints, logs and `weights.safetensors` in work_dir."""

from argparse import ArgumentParser

from ovsam.arguments import add_run_options, natural_float, natural_int


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add_run_options(parser)
    add("--resume", action="store_true", help="continue from the newest whole checkpoint")
    add(
        "--save-minutes",
        type=natural_float,
        default=15,
        metavar="M",
        help="save also within an epoch, after so many minutes; 0: do not",
    )
    add(
        "--save-iters",
        type=natural_int,
        default=0,
        metavar="N",
        help="save also after every N iterations; 0: do not",
    )
    add(
        "--skip-bad-steps",
        type=natural_int,
        default=0,
        metavar="N",
        help="skip so many batches whose loss or gradients are not finite before the run stops",
    )
    add("--amp", action="store_true", help="as --cfg-options precision=bfloat16")
    add(
        "--auto-scale-lr", action="store_true", help="scale the learning rate with the global batch size"
    )
