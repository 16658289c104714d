"""SAM2CLIP at full size: Open-Vocabulary SAM's neck on CLIP RN50x16 learns SAM ViT-H's embedding."""

from mmengine.config import read_base

from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.models.segmentors.sam2clip import Sam2ClipDistillation

with read_base():
    from .ovsam import model as whole

model = dict(
    type=Sam2ClipDistillation,
    data_preprocessor=whole.data_preprocessor,
    backbone=whole.backbone,
    neck=whole.neck,
    teacher=dict(type=SamImageEncoder, architecture="vit_h"),
)
