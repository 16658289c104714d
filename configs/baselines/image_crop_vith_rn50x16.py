"""Baseline Image-Crop: SAM ViT-H's mask, and CLIP RN50x16 on the crop around it. Nothing is trained.

Source: Yuan et al., Open-Vocabulary SAM, section 3.1, main table. Published, COCO, ground-truth boxes:
IoU_b 78.1, IoU_n 81.4, Acc 46.2; centre points: 60.7, 66.7, 24.5. The paper does not specify the crop;
its margin, background and aspect are options of `model.vectors`.

    python tools/test.py configs/baselines/image_crop_vith_rn50x16.py
    python tools/test.py configs/baselines/image_crop_vith_rn50x16.py \\
        --cfg-options model.vectors.background=blank model.vectors.aspect=pad model.vectors.margin=0.1
"""

from mmengine.config import read_base

with read_base():
    from .._base_.evaluation import *
    from .._base_.models.baselines import model

method = "Image-Crop"
initial_weights = {
    "image_encoder": "sam_vit_h#image_encoder",
    "prompt_encoder": "sam_vit_h#prompt_encoder",
    "mask_decoder": "sam_vit_h#mask_decoder",
    "backbone": "clip_rn50x16#image_encoder",
    "classifier.text_encoder": "clip_rn50x16#text_encoder",
}
