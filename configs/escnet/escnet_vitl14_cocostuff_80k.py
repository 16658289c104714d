"""ESC-Net with CLIP ViT-L/14@336 on COCO-Stuff: 171 classes, 80,000 steps of 4 pictures.

Source: Lee et al., ESC-Net (CVPR 2025), main table, row ViT-L/14@336. Published mIoU:
A-847 18.1, PC-459 27.0, A-150 41.8, PC-59 65.6, PAS-20 98.3.

    tools/launch.sh train configs/escnet/escnet_vitl14_cocostuff_80k.py --gpus 4
    python tools/test.py configs/escnet/escnet_vitl14_cocostuff_80k.py --sets all
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.escnet import model, sam_weights
    from .._base_.semantic import *

method = "ESC-Net ViT-L/14@336"
model.backbone.update(architecture="ViT-L-14-336", image_size=336, taps=(7, 15))
optim_wrapper.paramwise_cfg.custom_keys.update({"sam_block.transformer": dict(lr_mult=0.01)})
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
    **sam_weights,
}
