"""SAM2CLIP on teacher features computed once, otherwise equal to the live config.

Equal to training with the live teacher except that its features are rounded to float16.

    python tools/cache_teacher.py configs/sam2clip/sam2clip_vith_rn50x16_sa1b_24e_cached.py
    tools/launch.sh train configs/sam2clip/sam2clip_vith_rn50x16_sa1b_24e_cached.py --gpus 8
"""

from mmengine.config import read_base

from ovsam.datasets.transforms.teacher_features import AddTeacherFeatures

with read_base():
    from .sam2clip_vith_rn50x16_sa1b_24e import *

cached_teacher = dict(model=model.pop("teacher"), weights=initial_weights.pop("teacher"))
train_dataloader.dataset.update(
    pipeline=[
        *train_dataloader.dataset.pipeline,
        dict(type=AddTeacherFeatures, store="data/sa1b_features/sam_vit_h"),
    ]
)
