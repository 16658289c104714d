"""Row "single-scale neck" of table 7 left: SAM2CLIP only, with the coarsest map alone. Needs
`sam2clip_single_level`.

    python tools/test.py configs/mini/sam2clip_single_level_only.py
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from .sam2clip_only import *

ablation = dict(
    parent="mini/sam2clip_only.py",
    table="7",
    row="single-scale neck",
    changes=["model.neck", "initial_weights.neck"],
)
method = "SAM2CLIP only, single-scale neck"
model.neck.update(type=SingleLevelNeck)
initial_weights.update(neck="sam2clip_single_level#neck")
