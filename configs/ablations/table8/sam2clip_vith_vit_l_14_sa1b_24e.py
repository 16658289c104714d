"""SAM2CLIP for the row "ViT-L-14": its one map of 14 px, embedded by a 1x1 convolution and resized.

Source: Yuan et al., Open-Vocabulary SAM, table 8 left, which does not say how one map goes into a neck
of four levels; ours: see `SingleLevelNeck`.

    tools/launch.sh train configs/ablations/table8/sam2clip_vith_vit_l_14_sa1b_24e.py --gpus 8
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from ...sam2clip.sam2clip_vith_rn50x16_sa1b_24e import *

ablation = dict(
    parent="sam2clip/sam2clip_vith_rn50x16_sa1b_24e.py",
    table="8",
    row="ViT-L-14 (distillation)",
    changes=[
        "model.backbone.architecture",
        "model.neck",
        "initial_weights.backbone",
        "initial_weights.neck.pos_embed",
        "initial_weights.neck.neck.pos_embed",
    ],
)

model.backbone.update(architecture="ViT-L-14")
model.merge(dict(neck=dict(_delete_=True, type=SingleLevelNeck, embedding_size=64)))
initial_weights["neck.neck.pos_embed"] = initial_weights.pop("neck.pos_embed")
initial_weights.update(backbone="clip_vit_l_14#image_encoder")
