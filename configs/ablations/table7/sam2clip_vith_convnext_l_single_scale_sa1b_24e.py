r"""SAM2CLIP for the row "ConvNeXt-L single-scale": the coarsest map alone, on CLIP ConvNeXt-L.

Source: Yuan et al., Open-Vocabulary SAM, table 7 left. Published, COCO: IoU 73.6; 1,280 G, 307 M.

    tools/launch.sh train \
        configs/ablations/table7/sam2clip_vith_convnext_l_single_scale_sa1b_24e.py --gpus 8
"""

from mmengine.config import read_base

from ovsam.models.necks.plain import SingleLevelNeck

with read_base():
    from ..table8.sam2clip_vith_convnext_l_sa1b_24e import *

ablation = dict(
    parent="ablations/table8/sam2clip_vith_convnext_l_sa1b_24e.py",
    table="7",
    row="ConvNeXt-L single-scale (distillation)",
    changes=["model.neck", "initial_weights.neck.pos_embed", "initial_weights.neck.neck.pos_embed"],
)

model.merge(dict(neck=dict(_delete_=True, type=SingleLevelNeck, embedding_size=64)))
initial_weights["neck.neck.pos_embed"] = initial_weights.pop("neck.pos_embed")
