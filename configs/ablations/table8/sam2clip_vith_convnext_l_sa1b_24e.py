"""SAM2CLIP for the row "ConvNeXt-L": the neck learns on CLIP ConvNeXt-L.

Source: Yuan et al., Open-Vocabulary SAM, table 8 left.

    tools/launch.sh train configs/ablations/table8/sam2clip_vith_convnext_l_sa1b_24e.py --gpus 8
"""

from mmengine.config import read_base

with read_base():
    from ...sam2clip.sam2clip_vith_rn50x16_sa1b_24e import *

ablation = dict(
    parent="sam2clip/sam2clip_vith_rn50x16_sa1b_24e.py",
    table="8",
    row="ConvNeXt-L (distillation)",
    changes=["model.backbone.architecture", "initial_weights.backbone"],
)

model.backbone.update(architecture="ConvNeXt-L")
initial_weights.update(backbone="clip_convnext_l#image_encoder")
