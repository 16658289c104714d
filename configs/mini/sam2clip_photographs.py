"""Real photographs, 2 of 4: SAM2CLIP at 512 px, from the images alone.

The teacher is `sam_vit_photographs`. CLIP is the miniature's, whose features are poor here but not
useless.

    python tools/train.py configs/mini/clip_rn.py
    python tools/train.py configs/mini/sam_vit_photographs.py
    python tools/train.py configs/mini/sam2clip_photographs.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.sam2clip import Sam2ClipDistillation

with read_base():
    from .._base_.mini_photographs import *
    from .._base_.models.mini import clip_image

method = "SAM2CLIP, 512 px, overfitted (distillation)"
initial_weights = {
    "backbone": "shapes_clip_rn#image_encoder",
    "teacher": "sam_vit_photographs#image_encoder",
    "neck.pos_embed": "sam_vit_photographs#image_encoder.pos_embed",
}
model = dict(
    type=Sam2ClipDistillation,
    data_preprocessor=data_preprocessor,
    backbone=clip_image,
    neck=neck,
    teacher=sam_image,
)

train_dataloader.dataset.update(keep="all", drop_empty=False, pipeline=image_pipeline)
# Distillation has no prompts to test.
test_dataloader = test_evaluator = test_cfg = None
optim_wrapper.optimizer.update(lr=1e-3)
train_cfg.update(max_epochs=80)
param_scheduler[1].update(T_max=80)
