"""ESC-Net ViT-L/14, ablation: prompts: boxes of the regions.

tools/launch.sh train configs/ablations/escnet/prompts_box.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, prompts: boxes of the regions"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="prompts: boxes of the regions",
    changes=["model.refiner.prompts.kinds"],
)
model.refiner.prompts.update(kinds=("box",))
