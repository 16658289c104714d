"""ESC-Net ViT-L/14, ablation: masks.

python tools/test.py configs/ablations/escnet_prompts/mask.py
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet_prompts",
    row="masks",
    changes=["model.refiner.prompts.kinds"],
)
model.refiner.prompts.update(kinds=("mask",))
