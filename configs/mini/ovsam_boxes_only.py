"""Row "boxes only": 4 boxes and no points per image in training.

python tools/train.py configs/mini/ovsam_boxes_only.py
python tools/test.py configs/mini/ovsam_boxes_only.py
"""

from mmengine.config import read_base

from ovsam.datasets.transforms.prompts import DrawPrompts

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="prompt mix",
    row="boxes only",
    changes=["train_dataloader.dataset.pipeline"],
)
method = "Open-Vocabulary SAM, trained with boxes only"
train_dataloader.dataset.update(
    pipeline=[
        *train_dataloader.dataset.pipeline[:3],
        dict(type=DrawPrompts, kind="box", num_prompts=4),
        *train_dataloader.dataset.pipeline[4:],
    ]
)
