"""ESC-Net ViT-L/14, ablation: the SAM block starts from random weights and trains entirely.

tools/launch.sh train configs/ablations/escnet/sam_block_random.py --gpus 4
"""

from mmengine.config import read_base

with read_base():
    from ...escnet.escnet_vitl14_cocostuff_80k import *

method = "ESC-Net ViT-L/14@336, SAM block from random weights, trained whole"
ablation = dict(
    parent="escnet/escnet_vitl14_cocostuff_80k.py",
    table="escnet-ablations",
    row="SAM block from random weights, trained whole",
    changes=[
        "model.refiner.tuned",
        "model.refiner.prompts.is_frozen",
        "initial_weights",
        "optim_wrapper.paramwise_cfg.custom_keys",
    ],
)
model.refiner.update(tuned="all")
model.refiner.prompts.update(is_frozen=False)
# At the rate of all new parts. mmengine does not recognise SAM's norms, so they are listed here.
optim_wrapper.paramwise_cfg.custom_keys.pop("sam_block.transformer")
optim_wrapper.paramwise_cfg.custom_keys.update(
    {
        "mask_downscaling.1": dict(decay_mult=0.0),
        "mask_downscaling.4": dict(decay_mult=0.0),
    }
)
initial_weights = {
    "backbone.visual": "split_projections:clip_vit_l_14_336#image_encoder.visual",
    "backbone.text": "split_projections:clip_vit_l_14_336#text_encoder.text",
}
