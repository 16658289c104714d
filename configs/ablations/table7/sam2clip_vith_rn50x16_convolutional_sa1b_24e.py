r"""SAM2CLIP for the row "convolutional neck": residual 3x3 convolutions in place of the transformer, on
CLIP RN50x16.

Source: Yuan et al., Open-Vocabulary SAM, table 7 left. Not in the paper; see
`ovsam/models/necks/plain.py`.

    tools/launch.sh train \
        configs/ablations/table7/sam2clip_vith_rn50x16_convolutional_sa1b_24e.py --gpus 8
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import ConvolutionalNeck

with read_base():
    from ...sam2clip.sam2clip_vith_rn50x16_sa1b_24e import *

ablation = dict(
    parent="sam2clip/sam2clip_vith_rn50x16_sa1b_24e.py",
    table="7",
    row="convolutional neck (distillation)",
    changes=["model.neck", "initial_weights.neck.pos_embed"],
)

model.merge(dict(neck=dict(_delete_=True, type=ConvolutionalNeck)))
initial_weights.pop("neck.pos_embed")
