"""SAM2CLIP: a neck on the small CLIP's pyramid learns the small SAM's image embedding.

python tools/train.py configs/mini/sam2clip_rn.py
"""

from mmengine.config import read_base

from ovsam.models.picture_cache import PictureCache
from ovsam.models.segmentors.sam2clip import Sam2ClipDistillation

with read_base():
    from .._base_.datasets.shapes import shapes_images_loader
    from .._base_.models.mini import clip_image, data_preprocessor, neck, sam_image
    from .._base_.runtime import *
    from .._base_.schedules.mini import optim_wrapper, param_scheduler, train_cfg

method = "SAM2CLIP (distillation)"
dataset_name = "shapes"
weights_root = "work_dirs/mini"
initial_weights = {
    "backbone": "shapes_clip_rn#image_encoder",
    "teacher": "shapes_sam#image_encoder",
}

model = dict(
    type=Sam2ClipDistillation,
    data_preprocessor=data_preprocessor,
    backbone=clip_image,
    neck=neck,
    teacher=sam_image,
    # CLIP and teacher are frozen and costly, the neck is cheap and needs many steps. 0.8 MB a picture.
    cache=dict(type=PictureCache, max_gib=1.0),
)

train_dataloader = shapes_images_loader
optim_wrapper.optimizer.update(lr=2e-3)
train_cfg.update(max_epochs=6)
param_scheduler[1].update(T_max=6)
