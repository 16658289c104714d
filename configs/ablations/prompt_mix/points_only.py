"""Row "points only": 40 random points and no boxes per image in training.

Not in the paper.

    tools/launch.sh train configs/ablations/prompt_mix/points_only.py --gpus 8
    python tools/test.py configs/ablations/prompt_mix/points_only.py
"""

from mmengine.config import read_base

from ovsam.datasets.transforms.prompts import DrawPrompts

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="prompt mix",
    row="points only",
    changes=["train_dataloader.dataset.pipeline"],
)
method = "Open-Vocabulary SAM, trained with points only"
train_dataloader.dataset.update(
    pipeline=[
        *train_dataloader.dataset.pipeline[:4],
        dict(type=DrawPrompts, kind="random_point", num_prompts=40),
        *train_dataloader.dataset.pipeline[5:],
    ]
)
