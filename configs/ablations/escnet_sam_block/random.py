"""ESC-Net ViT-L/14, ablation: SAM block from random weights.

python tools/test.py configs/ablations/escnet_sam_block/random.py
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet_sam_block",
    row="SAM block from random weights",
    changes=["model.refiner", "initial_weights", "optim_wrapper"],
)
model.refiner.update(tuned="all")
model.refiner.prompts.update(is_frozen=False)
optim_wrapper.paramwise_cfg.custom_keys.update({"sam_block.transformer": dict(lr_mult=1.0)})
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
}
