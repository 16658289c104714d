"""ESC-Net ViT-L/14, ablation: 10 regions of a class (N_o = 10).

tools/launch.sh train configs/ablations/escnet/regions_10.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, 10 regions of a class (N_o = 10)"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="10 regions of a class (N_o = 10)",
    changes=["model.refiner.generator.num_regions"],
)
model.refiner.generator.update(num_regions=10)
