"""Real photographs, 1 of 4: a small SAM at 512 px memorises a handful of COCO images.

It teaches `sam2clip_photographs` and learns the instances of the third stage without their labels.
Prompt encoder and mask decoder start from the miniature's small SAM, because a few photographs are too
few to learn how to follow prompts.

    python tools/train.py configs/mini/sam_vit.py
    python tools/train.py configs/mini/sam_vit_photographs.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.sam import PromptableSam

with read_base():
    from .._base_.mini_photographs import *
    from .._base_.models.mini import mask_decoder, mask_loss

method = "Small SAM, 512 px, overfitted (masks only)"
initial_weights = {
    "prompt_encoder": "shapes_sam#prompt_encoder",
    "mask_decoder": "shapes_sam#mask_decoder",
}
model = dict(
    type=PromptableSam,
    data_preprocessor=data_preprocessor,
    image_encoder=sam_image,
    prompt_encoder=prompt_encoder,
    mask_decoder=mask_decoder,
    mask_loss=mask_loss,
    frozen=("prompt_encoder",),
)

train_cfg.update(max_epochs=180)
param_scheduler[1].update(T_max=180)
