"""SAM2CLIP on teacher features computed once, of 1,200 images in SA-1B's layout, four a step.

Not part of the quickstart.

    python tools/cache_teacher.py configs/mini/sam2clip_rn_cached.py --workers 0
    python tools/train.py configs/mini/sam2clip_rn_cached.py
"""

from mmengine.config import read_base

from ovsam.datasets.transforms.teacher_features import AddTeacherFeatures

with read_base():
    from .._base_.datasets.shapes import shapes_distill_loader
    from .sam2clip_rn import *

cached_teacher = dict(model=model.pop("teacher"), weights=initial_weights.pop("teacher"))
train_dataloader = shapes_distill_loader
train_dataloader.dataset.update(
    pipeline=[
        *train_dataloader.dataset.pipeline,
        dict(type=AddTeacherFeatures, store="work_dirs/mini/teacher_features"),
    ]
)
