"""`ovsam cache_teacher`: run SAM's image encoder once over the training set of a cached SAM2CLIP config.

Fills the feature store that the config's AddTeacherFeatures step names. If it was stopped or killed, run
it again: it continues where it was. On several processes each does its share:

    tools/launch.sh cache_teacher CONFIG --gpus 8
"""

from argparse import ArgumentParser

from ovsam.arguments import add_config_options


def add_arguments(parser: ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("config", help="a cached config, such as mini/sam2clip_rn_cached")
    parser.add_argument("--batch-size", type=int, default=2, metavar="N", help="images of a batch")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="loader processes")
    parser.add_argument(
        "--images-per-shard",
        type=int,
        default=64,
        metavar="N",
        help="images of a file; a killed process loses at most so many",
    )
    parser.add_argument(
        "--verify", action="store_true", help="only compare what is there with its checksums"
    )
    parser.add_argument(
        "--launcher",
        choices=("none", "pytorch", "slurm"),
        default="none",
        help="how several processes were started; tools/launch.sh sets it",
    )
    add_config_options(parser, "train_dataloader.dataset.data_root=PATH")
