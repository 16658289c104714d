"""A small SAM, trained on masks of things of any look, without classes; `make pretrain`.

It teaches SAM2CLIP, passes its prompt encoder and decoder to CLIP2SAM, and is the row "Small SAM" (masks
only) of the miniature's table. Its weights are released as `shapes_sam`.

    python tools/train.py configs/mini/sam_vit.py
    python tools/test.py configs/mini/sam_vit.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.sam import PromptableSam

with read_base():
    from .._base_.datasets.shapes import shapes_masks_loader
    from .._base_.mini import *
    from .._base_.models.mini import (
        data_preprocessor,
        mask_decoder,
        mask_loss,
        prompt_encoder,
        sam_image,
    )
    from .._base_.schedules.mini import optim_wrapper, param_scheduler, train_cfg

method = "Small SAM (masks only)"

model = dict(
    type=PromptableSam,
    data_preprocessor=data_preprocessor,
    image_encoder=sam_image,
    prompt_encoder=prompt_encoder,
    mask_decoder=mask_decoder,
    mask_loss=mask_loss,
)

train_dataloader = shapes_masks_loader
train_cfg.update(max_epochs=7)
param_scheduler[1].update(T_max=7)
optim_wrapper.optimizer.update(lr=1e-3)
