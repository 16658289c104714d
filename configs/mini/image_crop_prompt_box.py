"""Baseline Image-Crop with the crop around the prompt's box, if the prompt has one.

python tools/test.py configs/mini/image_crop_prompt_box.py
"""

from mmengine.config import read_base

with read_base():
    from .image_crop import *

ablation = dict(
    parent="mini/image_crop.py", table="-", row="crop by the prompt's box", changes=["model.vectors.box"]
)
method = "Image-Crop (prompt's box)"
model.vectors.update(box="prompt")
