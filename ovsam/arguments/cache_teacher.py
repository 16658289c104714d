"""`ovsam cache_teacher`: run SAM's image encoder once over the training set of a cached SAM2CLIP config.

Fills the feature store that the config's AddTeacherFeatures step names. If it was stopped or killed, run
it again: it continues where it was. On several processes each does its share:

    tools/launch.sh cache_teacher CONFIG --gpus 8
"""

from argparse import ArgumentParser

from ovsam.arguments import add_config_options, natural_int, positive_int


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("config", help="a cached config, such as mini/sam2clip_rn_cached")
    add("--batch-size", type=positive_int, default=2, metavar="N", help="images of a batch")
    add("--workers", type=natural_int, default=4, metavar="N", help="loader processes")
    add(
        "--images-per-shard",
        type=positive_int,
        default=64,
        metavar="N",
        help="images of a file; a killed process loses at most so many",
    )
    add("--verify", action="store_true", help="only compare what is there with its checksums")
    add(
        "--launcher",
        choices=("none", "pytorch", "slurm"),
        default="none",
        help="how several processes were started; tools/launch.sh sets it",
    )
    add_config_options(parser, "train_dataloader.dataset.data_root=PATH")
