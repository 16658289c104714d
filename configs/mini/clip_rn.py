"""Stage a: a small CLIP, trained contrastively on captioned crops of all 80 names.

Every later stage uses its image and text encoders. The rows Image-Crop and Feature-Crop are these
encoders plus the small SAM's mask. Ends with the zero-shot accuracy on crops of the validation boxes.

    python tools/train.py configs/mini/clip_rn.py
"""

from mmengine.config import read_base
from mmengine.hooks import CheckpointHook

from ovsam.datasets.captions import BoxCropDataset, CaptionCropDataset
from ovsam.evaluation.zero_shot import ZeroShotAccuracy
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.segmentors.contrastive import ContrastiveClip
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.templates import MINI_TEMPLATES

with read_base():
    from .._base_.loaders import eval_loader, train_loader
    from .._base_.models.mini import clip_image, vocabulary
    from .._base_.runtime import *
    from .._base_.schedules.contrastive import optim_wrapper, param_scheduler, train_cfg

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
    train_loader,
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
)
# Square crops as wide as the box's longer side: no margin, no stretching.
val_dataloader = dict(
    eval_loader,
    dataset=dict(
        type=BoxCropDataset,
        annotation_file="data/shapes/annotations/instances_val.json",
        image_folder="data/shapes/images/val",
        crop_size=32,
        margin=0.0,
        aspect="context",
    ),
    batch_size=256,
)
val_evaluator = dict(type=ZeroShotAccuracy)
val_cfg = dict()

default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=3, max_keep_ckpts=1))
