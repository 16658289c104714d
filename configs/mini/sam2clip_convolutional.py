"""Stage c for the row "convolutional neck": residual 3x3 convolutions in place of the transformer.

python tools/train.py configs/mini/sam2clip_convolutional.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import ConvolutionalNeck

with read_base():
    from .sam2clip_rn import *

ablation = dict(
    parent="mini/sam2clip_rn.py",
    table="7",
    row="convolutional neck (distillation)",
    changes=["model.neck", "initial_weights.neck.pos_embed"],
)

model.merge(
    dict(
        neck=dict(
            _delete_=True,
            type=ConvolutionalNeck,
            target_stride=8,
            width=96,
            depth=2,
            out_channels=64,
        )
    )
)
initial_weights.pop("neck.pos_embed")
