"""Row "cls token" of table 7: the label token classifies, without pyramid and region head.

python tools/train.py configs/mini/ovsam_class_token.py
python tools/test.py configs/mini/ovsam_class_token.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="7",
    row="cls token",
    changes=[
        "model.mask_decoder.label_classifies",
        "model.pyramid",
        "model.region_head",
        "model.decoded_prompts",  # a label token learns names of decoded prompts only
    ],
)
method = "Open-Vocabulary SAM, cls token"
model.mask_decoder.update(label_classifies=True)
model.update(pyramid=None, region_head=None, decoded_prompts=1)
