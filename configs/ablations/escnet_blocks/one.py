"""ESC-Net ViT-L/14, ablation: 1 block.

python tools/test.py configs/ablations/escnet_blocks/one.py
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet_blocks",
    row="1 block",
    changes=["model.refiner.num_blocks", "initial_weights"],
)
model.refiner.update(num_blocks=1)
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
    "refiner.prompts.prompt_encoder": "sam_vit_b#prompt_encoder",
    "refiner.blocks.0.sam_block.transformer": "sam_vit_b#mask_decoder.transformer",
    "refiner.blocks.0.sam_block.iou_token": "sam_vit_b#mask_decoder.iou_token",
    "refiner.blocks.0.sam_block.mask_tokens": "sam_vit_b#mask_decoder.mask_tokens",
}
