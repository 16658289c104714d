"""Row "single-scale neck": SAM2CLIP only, with the coarsest map alone, on CLIP RN50x16.

Source: Yuan et al., Open-Vocabulary SAM, table 7 left. The paper has this row for ConvNeXt-L only.
Needs `sam2clip_vith_rn50x16_single_scale_sa1b_24e`.

    python tools/test.py configs/ablations/table7/neck_rn50x16_single_scale.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from ...baselines.sam2clip_rn50x16 import *

ablation = dict(
    parent="baselines/sam2clip_rn50x16.py",
    table="7",
    row="single-scale neck",
    changes=["model.neck", "initial_weights.neck"],
)
method = "SAM2CLIP only, single-scale neck"
model.merge(dict(neck=dict(_delete_=True, type=SingleLevelNeck, embedding_size=64)))
initial_weights.update(neck="sam2clip_vith_rn50x16_single_scale_sa1b_24e#neck")
