"""A small CLIP, trained contrastively on captioned pictures of 24,000 kinds of things; `make pretrain`.

It never sees a box. The first pictures show one object each, the others are mostly windows of scenes.
`clip_rn_96` goes on from here, so the rate has not come down when this ends. Prints the zero-shot
accuracy on crops of the validation boxes.

    python tools/train.py configs/mini/clip_rn.py
"""

from mmengine.config import read_base
from mmengine.hooks import CheckpointHook

from ovsam.datasets.box_crops import BoxCropDataset
from ovsam.datasets.web_pictures import WebPictures
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
    data_preprocessor=dict(type=PromptDataPreprocessor, size=64),
    image_encoder=clip_image,
    text_encoder=dict(type=ClipTextEncoder, architecture="shapes-rn"),
    vocabulary=vocabulary,
    templates=MINI_TEMPLATES,
)

train_dataloader = dict(
    train_loader,
    dataset=dict(
        type=WebPictures,
        num_pictures=64_000,
        size=64,
        templates=MINI_TEMPLATES,
        num_single=160_000,
        single_share=0.15,
    ),
    batch_size=128,
    num_workers=1,  # drawing takes half as long as a step
)
# Square crops as wide as the box's longer side: no margin, no stretching.
val_dataloader = dict(
    eval_loader,
    dataset=dict(
        type=BoxCropDataset,
        annotation_file="data/shapes/annotations/instances_val.json",
        image_folder="data/shapes/images/val",
        crop_size=64,
        margin=0.0,
        aspect="context",
    ),
    batch_size=256,
)
val_evaluator = dict(type=ZeroShotAccuracy)
val_cfg = dict()

train_cfg.update(max_epochs=6, val_interval=2)
param_scheduler[1].update(T_max=13)
default_hooks.update(checkpoint=dict(type=CheckpointHook, interval=1, max_keep_ckpts=1))
