"""Stage a: a small CLIP, trained contrastively on captioned crops of all 80 names.

Every later stage takes its image and text encoders; they are also all there is of the rows Image-Crop
and Feature-Crop but the mask. Ends with its zero-shot accuracy on the crops of the validation boxes.

    python tools/train.py configs/mini/clip_rn.py
"""

from mmengine.config import read_base
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.hooks import CheckpointHook
from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

from ovsam.datasets.captions import BoxCropDataset, CaptionCropDataset
from ovsam.datasets.samplers import EvenSampler
from ovsam.evaluation.zero_shot import ZeroShotAccuracy
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.segmentors.contrastive import ContrastiveClip
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.templates import MINI_TEMPLATES

with read_base():
    from .._base_.models.mini import clip_image, vocabulary
    from .._base_.runtime import *

method = "Small CLIP"
dataset_name = "shapes"
weights_root = "work_dirs/mini"

model = dict(
    type=ContrastiveClip,
    data_preprocessor=dict(type=PromptDataPreprocessor, size=32),
    image_encoder=clip_image,
    text_encoder=dict(type=ClipTextEncoder, architecture="shapes-rn"),
    vocabulary=vocabulary,
    templates=MINI_TEMPLATES,
)

train_dataloader = dict(
    dataset=dict(
        type=CaptionCropDataset,
        annotation_file="data/shapes/annotations/instances_train.json",
        image_folder="data/shapes/images/train",
        templates=MINI_TEMPLATES,
        crop_size=32,
        context_range=(0.95, 1.4),
        window_fraction=0.12,
    ),
    batch_size=128,
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
# Square crops with the side of the box's longer side: no margin, no stretching.
val_dataloader = dict(
    dataset=dict(
        type=BoxCropDataset,
        annotation_file="data/shapes/annotations/instances_val.json",
        image_folder="data/shapes/images/val",
        crop_size=32,
        margin=0.0,
        aspect="context",
    ),
    batch_size=256,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
val_evaluator = dict(type=ZeroShotAccuracy)
val_cfg = dict()

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=3e-3, betas=(0.9, 0.98), weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.02, by_epoch=False, end=50),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, T_max=6, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=6, val_interval=6)
default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=3, max_keep_ckpts=1))
