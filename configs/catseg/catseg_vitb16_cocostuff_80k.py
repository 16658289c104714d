"""CAT-Seg with CLIP ViT-B/16 on COCO-Stuff: 171 classes, 80,000 steps of 4 pictures.

Source: Cho et al., CAT-Seg (CVPR 2024), table 1, row ViT-B/16. Published mIoU:
A-847 12.0, PC-459 19.0, A-150 31.8, PC-59 57.5, PAS-20 94.6, PAS-20b 77.3.

    tools/launch.sh train configs/catseg/catseg_vitb16_cocostuff_80k.py --gpus 4
    python tools/test.py configs/catseg/catseg_vitb16_cocostuff_80k.py --sets all
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.catseg import model
    from .._base_.semantic import *

method = "CAT-Seg ViT-B/16"
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_b_16#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_b_16#text_encoder.text",
}
