"""A small CLIP for the row "shapes-rn-wide" of table 8: 32 channels instead of 20.

python tools/train.py configs/mini/clip_rn_wide.py
"""

from mmengine.config import read_base

with read_base():
    from .clip_rn import *

ablation = dict(
    parent="mini/clip_rn.py",
    table="8",
    row="shapes-rn-wide (pre-training)",
    changes=["model.image_encoder.architecture"],
)

model.image_encoder.update(architecture="shapes-rn-wide")
