"""Row "points only": 4 random points and no boxes per image in training.

python tools/train.py configs/mini/ovsam_points_only.py
python tools/test.py configs/mini/ovsam_points_only.py
"""

from mmengine.config import read_base

from ovsam.datasets.transforms.prompts import DrawPrompts

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="prompt mix",
    row="points only",
    changes=["train_dataloader.dataset.pipeline"],
)
method = "Open-Vocabulary SAM, trained with points only"
train_dataloader.dataset.update(
    pipeline=[
        *train_dataloader.dataset.pipeline[:3],
        dict(type=DrawPrompts, kind="random_point", num_prompts=4),
        *train_dataloader.dataset.pipeline[4:],
    ]
)
