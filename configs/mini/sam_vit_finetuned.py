"""Small SAM with its mask decoder tuned on annotations of the 48 base classes, masks only.

python tools/train.py configs/mini/sam_vit_finetuned.py
python tools/test.py configs/mini/sam_vit_finetuned.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.sam import PromptableSam

with read_base():
    from .._base_.mini import *
    from .._base_.mini_adapter_training import *
    from .._base_.models.mini import data_preprocessor, mask_decoder, prompt_encoder, sam_image

method = "Small SAM, fine-tuned (masks only)"
initial_weights = {
    "image_encoder": "shapes_sam#image_encoder",
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
    frozen=("image_encoder", "prompt_encoder"),
)
