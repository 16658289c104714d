"""ESC-Net with CLIP ViT-B/16 on COCO-Stuff: 171 classes, 80,000 steps of 4 pictures.

Source: Lee et al., ESC-Net (CVPR 2025), main table, row ViT-B/16. Published mIoU:
A-150 35.6, PC-59 59.0, PAS-20 97.3, PAS-20b 80.1.

    tools/launch.sh train configs/escnet/escnet_vitb16_cocostuff_80k.py --gpus 4
    python tools/test.py configs/escnet/escnet_vitb16_cocostuff_80k.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.escnet import model
    from .._base_.semantic import *

method = "ESC-Net ViT-B/16"
optim_wrapper.paramwise_cfg.custom_keys.update({"sam_block.transformer": dict(lr_mult=0.01)})
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_b_16#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_b_16#text_encoder.text",
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
