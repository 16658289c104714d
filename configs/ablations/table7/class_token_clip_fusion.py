"""Row "+ cls token & CLIP MLP fusion": an MLP fuses the label token with CLIP's vector of the region.

Source: Yuan et al., Open-Vocabulary SAM, table 7 right; the MLP is ours. Published, COCO: IoU 80.9, Acc
78.9.

    tools/launch.sh train configs/ablations/table7/class_token_clip_fusion.py --gpus 8
    python tools/test.py configs/ablations/table7/class_token_clip_fusion.py
"""

from mmengine.config import read_base

from ovsam.models.decoders.label_fusion import ClipLabelFusion

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="7",
    row="cls token & CLIP MLP fusion",
    changes=[
        "model.mask_decoder.label_classifies",
        "model.label_fusion",
        "model.pyramid",
        "model.region_head",
    ],
)
method = "Open-Vocabulary SAM, class token and CLIP MLP fusion"
model.mask_decoder.update(label_classifies=True)
model.update(label_fusion=dict(type=ClipLabelFusion), pyramid=None, region_head=None)
