"""What `ovsam train` does; its options are in `ovsam.arguments.train`."""

from argparse import Namespace

from ovsam.commands.shared.options import prepare_config
from ovsam.engine.checks import check_data
from ovsam.engine.runner import Runner
from ovsam.engine.teacher_features import check_cached_teacher
from ovsam.weights import check_sources


def run(args: Namespace) -> int:
    """Train.

    Raises:
        FileNotFoundError: data are missing.
        ValueError: the config is for testing only.
        WeightsError: weights that the config starts from are missing.
    """
    config = prepare_config(args)
    if not config.get("train_cfg"):
        raise ValueError(f"{args.config} has nothing to train (no train_cfg); use tools/test.py")
    check_cached_teacher(config)
    check_sources(config.get("initial_weights") or {}, config.get("weights_root", "work_dirs"))
    config.resume = args.resume
    config.save_every = {"iters": args.save_iters, "minutes": args.save_minutes}
    config.skip_bad_steps = args.skip_bad_steps
    length = "max_epochs" if config.train_cfg.get("by_epoch", True) else "max_iters"
    if config.train_cfg.get("val_begin", 1) > config.train_cfg.get(length, float("inf")):
        # Never validated on the way: then the validation data need not be there.
        config.val_dataloader = config.val_evaluator = config.val_cfg = None
    check_data(config.get("train_dataloader"), config.get("val_dataloader"))
    if args.amp:
        config.precision = "bfloat16"
    if args.auto_scale_lr:
        if "auto_scale_lr" not in config:
            raise ValueError("--auto-scale-lr needs auto_scale_lr.base_batch_size in the config")
        config.auto_scale_lr.enable = True
    Runner.from_config(config).train()
    return 0
