"""SAM2CLIP for the row "convolutional neck": residual 3x3 convolutions instead of a transformer.

python tools/train.py configs/mini/sam2clip_convolutional.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.mini import convolutional_neck
    from .sam2clip_rn import *

ablation = dict(
    parent="mini/sam2clip_rn.py",
    table="7",
    row="convolutional neck (distillation)",
    changes=["model.neck"],
)

model.merge(dict(neck=dict(convolutional_neck, _delete_=True)))
