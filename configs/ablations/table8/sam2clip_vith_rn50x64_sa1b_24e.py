"""SAM2CLIP for the row "RN50x64": the neck learns on CLIP RN50x64.

Source: Yuan et al., Open-Vocabulary SAM, table 8 left.

    tools/launch.sh train configs/ablations/table8/sam2clip_vith_rn50x64_sa1b_24e.py --gpus 8
"""

from mmengine.config import read_base

with read_base():
    from ...sam2clip.sam2clip_vith_rn50x16_sa1b_24e import *

ablation = dict(
    parent="sam2clip/sam2clip_vith_rn50x16_sa1b_24e.py",
    table="8",
    row="RN50x64 (distillation)",
    changes=["model.backbone.architecture", "initial_weights.backbone"],
)

model.backbone.update(architecture="RN50x64")
initial_weights.update(backbone="clip_rn50x64#image_encoder")
