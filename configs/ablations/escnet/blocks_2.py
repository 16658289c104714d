"""ESC-Net ViT-L/14, ablation: 2 blocks (N = 2).

tools/launch.sh train configs/ablations/escnet/blocks_2.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, 2 blocks (N = 2)"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="2 blocks (N = 2)",
    changes=["model.refiner.num_blocks"],
)
model.refiner.update(num_blocks=2)
