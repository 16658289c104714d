"""Row "convolutional neck" of table 7 left: SAM2CLIP only, with residual 3x3 convolutions in place of
the transformer. Needs `sam2clip_convolutional`.

    python tools/test.py configs/mini/sam2clip_convolutional_only.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import ConvolutionalNeck

with read_base():
    from .sam2clip_only import *

ablation = dict(
    parent="mini/sam2clip_only.py",
    table="7",
    row="convolutional neck",
    changes=["model.neck", "initial_weights.neck"],
)
method = "SAM2CLIP only, convolutional neck"
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
initial_weights.update(neck="sam2clip_convolutional#neck")
