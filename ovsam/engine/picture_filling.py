"""KeepPictures: what frozen parts give for every training picture, computed before the first step."""

import os
from pathlib import Path

import torch
from mmengine.hooks import Hook

from ovsam.engine.runner import Runner
from ovsam.registry import HOOKS

FOLDER = "kept_pictures"  # beside the weights root, for all seeds


@HOOKS.register_module()
class KeepPictures(Hook):
    """Gives the model's `PictureCache` a folder, and fills it; without a cache it does nothing.

    Pictures come in an order of this process's own: two trainings that start beside each other with the
    same frozen parts share the work. Nothing that a training reads depends on it. Of joint training,
    pictures with a label only are left out.
    """

    def before_train(self, runner: Runner) -> None:
        """Keep what is not kept yet."""
        model, dataset = runner.bare_model, runner.train_dataloader.dataset
        # Under autocast, frozen parts give what no other run can use.
        if model.cache is None or runner.cfg.get("precision", "float32") != "float32":
            return
        folder = Path(runner.cfg.get("weights_root", "work_dirs")).parent / FOLDER
        runner.logger.info(f"keeps in {folder} what frozen parts give for {len(dataset):,} pictures")
        model.cache.keep_in(folder)
        own_order = torch.Generator().manual_seed(os.getpid())
        pictures = getattr(dataset, "kept_pictures", range(len(dataset)))
        for place in torch.randperm(len(pictures), generator=own_order).tolist():
            batch = runner.train_dataloader.collate_fn([dataset[pictures[place]]])
            model.keep(**model.data_preprocessor(batch, training=True))
