"""CAT-Seg with CLIP ViT-L/14@336 on COCO-Stuff: 171 classes, 80,000 steps of 4 pictures.

Source: Cho et al., CAT-Seg (CVPR 2024), table 1, row ViT-L/14@336. Published mIoU:
A-847 16.0, PC-459 23.8, A-150 37.9, PC-59 63.3, PAS-20 97.0, PAS-20b 82.5.

    tools/launch.sh train configs/catseg/catseg_vitl14_cocostuff_80k.py --gpus 4
    python tools/test.py configs/catseg/catseg_vitl14_cocostuff_80k.py --sets all
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.catseg import model
    from .._base_.semantic import *

method = "CAT-Seg ViT-L/14@336"
model.backbone.update(architecture="ViT-L-14-336", image_size=336, taps=(7, 15))
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
}
