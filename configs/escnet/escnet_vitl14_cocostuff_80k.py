"""ESC-Net with CLIP ViT-L/14@336 on COCO-Stuff: 171 classes, 80,000 steps of 4 pictures.

Source: Lee et al., ESC-Net (CVPR 2025), main table, row ViT-L/14@336. Published mIoU:
A-847 18.1, PC-459 27.0, A-150 41.8, PC-59 65.6, PAS-20 98.3.

    tools/launch.sh train configs/escnet/escnet_vitl14_cocostuff_80k.py --gpus 4
    python tools/test.py configs/escnet/escnet_vitl14_cocostuff_80k.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.escnet import model
    from .._base_.semantic import *

method = "ESC-Net ViT-L/14@336"
model.backbone.update(architecture="ViT-L-14-336", image_size=336, taps=(7, 15))
optim_wrapper.paramwise_cfg.custom_keys.update({"sam_block.transformer": dict(lr_mult=0.01)})
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
    "refiner.prompts.prompt_encoder": "sam_vit_b#prompt_encoder",
    "refiner.blocks.0.sam_block.transformer": "sam_vit_b#mask_decoder.transformer",
    "refiner.blocks.0.sam_block.iou_token": "sam_vit_b#mask_decoder.iou_token",
    "refiner.blocks.0.sam_block.mask_tokens": "sam_vit_b#mask_decoder.mask_tokens",
    "refiner.blocks.1.sam_block.transformer": "sam_vit_b#mask_decoder.transformer",
    "refiner.blocks.1.sam_block.iou_token": "sam_vit_b#mask_decoder.iou_token",
    "refiner.blocks.1.sam_block.mask_tokens": "sam_vit_b#mask_decoder.mask_tokens",
    "refiner.blocks.2.sam_block.transformer": "sam_vit_b#mask_decoder.transformer",
    "refiner.blocks.2.sam_block.iou_token": "sam_vit_b#mask_decoder.iou_token",
    "refiner.blocks.2.sam_block.mask_tokens": "sam_vit_b#mask_decoder.mask_tokens",
    "refiner.blocks.3.sam_block.transformer": "sam_vit_b#mask_decoder.transformer",
    "refiner.blocks.3.sam_block.iou_token": "sam_vit_b#mask_decoder.iou_token",
    "refiner.blocks.3.sam_block.mask_tokens": "sam_vit_b#mask_decoder.mask_tokens",
}
