"""ESC-Net ViT-L/14, ablation: without SAM block.

tools/launch.sh train configs/ablations/escnet/sam_block_none.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, without SAM block"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="without SAM block",
    changes=["model.refiner.prompts", "initial_weights"],
)
model.refiner.update(prompts=None)
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
}
