"""Row "convolutional neck" of table 7 left: SAM2CLIP only, with residual 3x3 convolutions instead of the
transformer. Needs `sam2clip_convolutional`.

    python tools/test.py configs/mini/sam2clip_convolutional_only.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.mini import convolutional_neck
    from .sam2clip_only import *

ablation = dict(
    parent="mini/sam2clip_only.py",
    table="7",
    row="convolutional neck",
    changes=["model.neck", "initial_weights.neck"],
)
method = "SAM2CLIP only, convolutional neck"
model.merge(dict(neck=dict(convolutional_neck, _delete_=True)))
initial_weights.update(neck="sam2clip_convolutional#neck")
