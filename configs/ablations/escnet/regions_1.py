"""ESC-Net ViT-L/14, ablation: 1 region of a class (N_o = 1).

tools/launch.sh train configs/ablations/escnet/regions_1.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, 1 region of a class (N_o = 1)"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="1 region of a class (N_o = 1)",
    changes=["model.refiner.generator.num_regions"],
)
model.refiner.generator.update(num_regions=1)
