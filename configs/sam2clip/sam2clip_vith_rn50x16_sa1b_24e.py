"""SAM2CLIP: the neck on CLIP RN50x16 learns SAM ViT-H's embedding on 1 % of SA-1B, the teacher live.

Source: Open-Vocabulary SAM, section 3.2; released recipe: 10 of 1,000 folders (about 111,000 images), 24
epochs, 8 GPUs with 2 images. The paper reports no number for this stage alone.

    tools/launch.sh train configs/sam2clip/sam2clip_vith_rn50x16_sa1b_24e.py --gpus 8
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.sa1b import sa1b_train_loader
    from .._base_.models.sam2clip import model
    from .._base_.runtime import *
    from .._base_.schedules.sam2clip_24e import (
        auto_scale_lr,
        optim_wrapper,
        param_scheduler,
        train_cfg,
    )

method = "SAM2CLIP (distillation)"
dataset_name = "SA-1B"
initial_weights = {
    "backbone": "clip_rn50x16#image_encoder",
    "teacher": "sam_vit_h#image_encoder",
    "neck.pos_embed": "sam_vit_h#image_encoder.pos_embed",
}

train_dataloader = sa1b_train_loader
