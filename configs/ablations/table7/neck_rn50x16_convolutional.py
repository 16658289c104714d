"""Row "convolutional neck": SAM2CLIP only, with residual 3x3 convolutions in place of the transformer,
on CLIP RN50x16.

Source: Yuan et al., Open-Vocabulary SAM, table 7 left. Not in the paper; see
`ovsam/models/necks/plain.py`. Needs `sam2clip_vith_rn50x16_convolutional_sa1b_24e`.

    python tools/test.py configs/ablations/table7/neck_rn50x16_convolutional.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import ConvolutionalNeck

with read_base():
    from ...baselines.sam2clip_rn50x16 import *

ablation = dict(
    parent="baselines/sam2clip_rn50x16.py",
    table="7",
    row="convolutional neck",
    changes=["model.neck", "initial_weights.neck"],
)
method = "SAM2CLIP only, convolutional neck"
model.merge(dict(neck=dict(_delete_=True, type=ConvolutionalNeck)))
initial_weights.update(neck="sam2clip_vith_rn50x16_convolutional_sa1b_24e#neck")
