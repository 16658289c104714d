"""ESC-Net in miniature: pseudo prompts from the small CLIP ViT enter the small SAM's decoder.

Trained on pixels of base classes, from the released small weights.

    python tools/train.py configs/mini/escnet.py
    python tools/test.py configs/mini/escnet.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.shapes_semantic import shapes_semantic_train_loader
    from .._base_.mini_semantic import *
    from .._base_.models.mini_semantic import clip_weights, sam_weights
    from .._base_.models.mini_semantic import escnet as model
    from .._base_.schedules.mini_semantic import optim_wrapper, param_scheduler, train_cfg

method = "ESC-Net"
initial_weights = {**clip_weights, **sam_weights}
model.loss.update(ignored="negative")  # as in CAT-Seg, the background is a negative of every class
train_dataloader = shapes_semantic_train_loader
train_dataloader.update(batch_size=2)
train_dataloader.dataset.update(indices=2000)  # 1,000 steps
# SAM's pre-trained parts train at CLIP's rate.
optim_wrapper.paramwise_cfg.custom_keys.update(
    {
        "sam_block.transformer": dict(lr_mult=0.01),
        "prompt_encoder": dict(lr_mult=0.01),
        "prompt_encoder.mask_downscaling": dict(lr_mult=1.0),
    }
)
