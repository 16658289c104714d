"""ESC-Net ViT-L/14, ablation: 1 block (N = 1).

tools/launch.sh train configs/ablations/escnet/blocks_1.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, 1 block (N = 1)"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="1 block (N = 1)",
    changes=["model.refiner.num_blocks"],
)
model.refiner.update(num_blocks=1)
