"""ESC-Net in miniature, ablation: without the SAM block; the fusion blocks read CLIP's features.

python tools/train.py configs/mini/escnet_no_sam_block.py
python tools/test.py configs/mini/escnet_no_sam_block.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.mini_semantic import clip_weights
    from .escnet import *

method = "ESC-Net, without SAM block"
ablation = dict(
    parent="mini/escnet.py",
    table="mini-semantic",
    row="ESC-Net, without SAM block",
    changes=["model.refiner.prompts", "initial_weights"],
)
model.refiner.update(prompts=None)
initial_weights = clip_weights
