"""SAM ViT-H with its mask decoder tuned on the base classes of COCO, masks only.

Source: Yuan et al., Open-Vocabulary SAM, table 4, "SAM-H fine-tuned": mask AP 35.8 with the labels and
boxes of a Faster R-CNN R50, 46.5 with those of ViTDet-H. The paper does not say what was tuned; here it
is the decoder, as in CLIP2SAM.

    tools/launch.sh train configs/baselines/sam_vith_finetuned.py --gpus 8
    python tools/test.py configs/baselines/sam_vith_finetuned.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.adapter_training import *
    from .sam_vith import *

method = "SAM ViT-H, fine-tuned (masks only)"
model.update(mask_loss=mask_loss, frozen=("image_encoder", "prompt_encoder"))
