"""SAM ViT-H, masks only, as released. With detector labels it is a row of tables 4 and S2.

Source: Kirillov et al., Segment Anything; Yuan et al., Open-Vocabulary SAM, table 7 left (IoU 78.7;
3,001 G, 641 M) and table 4.

    python tools/test.py configs/baselines/sam_vith.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.sam import PromptableSam

with read_base():
    from .._base_.evaluation import *
    from .._base_.models.baselines import model as baseline

method = "SAM ViT-H (masks only)"
initial_weights = {
    "image_encoder": "sam_vit_h#image_encoder",
    "prompt_encoder": "sam_vit_h#prompt_encoder",
    "mask_decoder": "sam_vit_h#mask_decoder",
}
model = dict(
    type=PromptableSam,
    data_preprocessor=baseline.data_preprocessor,
    image_encoder=baseline.image_encoder,
    prompt_encoder=baseline.prompt_encoder,
    mask_decoder=baseline.mask_decoder,
)
