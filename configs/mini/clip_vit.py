"""A small CLIP for the row "shapes-vit" of table 8: a small ViT, one map of 8 px.

python tools/train.py configs/mini/clip_vit.py
"""

from mmengine.config import read_base

with read_base():
    from .clip_rn import *

ablation = dict(
    parent="mini/clip_rn.py",
    table="8",
    row="shapes-vit (pre-training)",
    changes=["model.image_encoder.architecture"],
)

model.image_encoder.update(architecture="shapes-vit")
