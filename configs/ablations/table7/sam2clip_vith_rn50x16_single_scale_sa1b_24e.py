r"""SAM2CLIP for the row "single-scale neck": the coarsest map alone, on CLIP RN50x16.

Source: Yuan et al., Open-Vocabulary SAM, table 7 left. The paper has this row for ConvNeXt-L only.

    tools/launch.sh train \
        configs/ablations/table7/sam2clip_vith_rn50x16_single_scale_sa1b_24e.py --gpus 8
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from ...sam2clip.sam2clip_vith_rn50x16_sa1b_24e import *

ablation = dict(
    parent="sam2clip/sam2clip_vith_rn50x16_sa1b_24e.py",
    table="7",
    row="single-scale neck (distillation)",
    changes=["model.neck", "initial_weights.neck.pos_embed", "initial_weights.neck.neck.pos_embed"],
)

model.merge(dict(neck=dict(_delete_=True, type=SingleLevelNeck, embedding_size=64)))
initial_weights["neck.neck.pos_embed"] = initial_weights.pop("neck.pos_embed")
