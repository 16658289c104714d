"""ESC-Net ViT-L/14, ablation: 1 region.

python tools/test.py configs/ablations/escnet_regions/one.py
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet_regions",
    row="1 region",
    changes=["model.refiner.generator.num_regions"],
)
model.refiner.generator.update(num_regions=1)
