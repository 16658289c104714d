"""ESC-Net ViT-L/14, ablation: without SAM's own tokens.

tools/launch.sh train configs/ablations/escnet/tokens_dropped.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, without SAM's own tokens"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="without SAM's own tokens",
    changes=["model.refiner.keeps_tokens"],
)
model.refiner.update(keeps_tokens=False)
