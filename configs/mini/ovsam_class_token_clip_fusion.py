"""Row "cls token & CLIP MLP fusion" of table 7: an MLP fuses the label token with CLIP's vector of the
region.

    python tools/train.py configs/mini/ovsam_class_token_clip_fusion.py
    python tools/test.py configs/mini/ovsam_class_token_clip_fusion.py
"""

from mmengine.config import read_base

from ovsam.models.decoders.label_fusion import ClipLabelFusion

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="7",
    row="cls token & CLIP MLP fusion",
    changes=[
        "model.mask_decoder.label_classifies",
        "model.label_fusion",
        "model.pyramid",
        "model.region_head",
        "model.decoded_prompts",  # a label token learns names of decoded prompts only
    ],
)
method = "Open-Vocabulary SAM, cls token & CLIP MLP fusion"
model.mask_decoder.update(label_classifies=True)
model.update(label_fusion=dict(type=ClipLabelFusion), pyramid=None, region_head=None, decoded_prompts=1)
