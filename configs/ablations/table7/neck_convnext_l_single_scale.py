"""Row "ConvNeXt-L single-scale": SAM2CLIP only, with the coarsest map alone, on CLIP ConvNeXt-L.

Source: Yuan et al., Open-Vocabulary SAM, table 7 left. Published, COCO: IoU 73.6; 1,280 G, 307 M.
Needs `sam2clip_vith_convnext_l_single_scale_sa1b_24e`.

    python tools/test.py configs/ablations/table7/neck_convnext_l_single_scale.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from ..table8.convnext_l import *

ablation = dict(
    parent="ablations/table8/convnext_l.py",
    table="7",
    row="ConvNeXt-L single-scale",
    changes=["model.neck", "initial_weights.neck"],
)
method = "SAM2CLIP only, ConvNeXt-L single-scale"
model.merge(dict(neck=dict(_delete_=True, type=SingleLevelNeck, embedding_size=64)))
initial_weights.update(neck="sam2clip_vith_convnext_l_single_scale_sa1b_24e#neck")
