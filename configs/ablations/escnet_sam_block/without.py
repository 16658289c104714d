"""ESC-Net ViT-L/14, ablation: without SAM block.

python tools/test.py configs/ablations/escnet_sam_block/without.py
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet_sam_block",
    row="without SAM block",
    changes=["model.refiner", "initial_weights"],
)
model.refiner.update(prompts=None)
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
}
