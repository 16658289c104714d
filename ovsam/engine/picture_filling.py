"""KeepPictures: what frozen parts give for every training picture, computed before the first step."""

import os

import torch
from mmengine.hooks import Hook

from ovsam.engine.runner import Runner
from ovsam.registry import HOOKS


@HOOKS.register_module()
class KeepPictures(Hook):
    """Fills the folder of the model's `PictureCache`, if it has one.

    Pictures come in an order of this process's own: two trainings that start beside each other with the
    same frozen parts and one folder share the work. Nothing that a training reads depends on it.
    """

    def before_train(self, runner: Runner) -> None:
        """Keep what is not kept yet."""
        model = runner.bare_model
        if getattr(model.cache, "folder", None) is None:
            return
        dataset, collate = runner.train_dataloader.dataset, runner.train_dataloader.collate_fn
        runner.logger.info(f"keeps what frozen parts give for {len(dataset):,} pictures")
        own = torch.Generator().manual_seed(os.getpid())
        for index in torch.randperm(len(dataset), generator=own).tolist():
            batch = model.data_preprocessor(collate([dataset[index]]), training=True)
            model.keep(batch["inputs"])
