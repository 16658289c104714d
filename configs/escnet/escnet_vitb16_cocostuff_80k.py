"""ESC-Net with CLIP ViT-B/16 on COCO-Stuff: 171 classes, 80,000 steps of 4 pictures.

Source: Lee et al., ESC-Net (CVPR 2025), main table, row ViT-B/16. Published mIoU:
A-150 35.6, PC-59 59.0, PAS-20 97.3, PAS-20b 80.1.

    tools/launch.sh train configs/escnet/escnet_vitb16_cocostuff_80k.py --gpus 4
    python tools/test.py configs/escnet/escnet_vitb16_cocostuff_80k.py --sets all
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.escnet import model, sam_weights
    from .._base_.semantic import *

method = "ESC-Net ViT-B/16"
optim_wrapper.paramwise_cfg.custom_keys.update({"sam_block.transformer": dict(lr_mult=0.01)})
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_b_16#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_b_16#text_encoder.text",
    **sam_weights,
}
