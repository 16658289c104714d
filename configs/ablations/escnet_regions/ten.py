"""ESC-Net ViT-L/14, ablation: 10 regions.

python tools/test.py configs/ablations/escnet_regions/ten.py
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet_regions",
    row="10 regions",
    changes=["model.refiner.generator.num_regions"],
)
model.refiner.generator.update(num_regions=10)
