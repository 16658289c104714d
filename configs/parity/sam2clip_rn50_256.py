"""Small SAM2CLIP of the numeric fixtures: one step of distillation, the teacher's features given.

python tests/parity/run.py configs/parity/sam2clip_rn50_256.py KEYS.json INPUTS.npz OUT.npz
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn50_256 import model as whole

from ovsam.models.segmentors.sam2clip import Sam2ClipDistillation

method = "SAM2CLIP, small"
model = dict(
    type=Sam2ClipDistillation,
    data_preprocessor=whole.data_preprocessor,
    backbone=whole.backbone,
    neck=whole.neck,
)
