"""What the stages on a few photographs share: 512 px, the data, a schedule for overfitting.

Nothing is flipped or cut: the stages are meant to learn these very pictures. Steps of one picture, since
their number counts for more than their size here; one prompt per instance, its box, since a box that is
drawn twice teaches nothing new, and clicks beside the boxes took far longer.
"""

from mmengine.config import read_base
from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.transforms.geometry import RandomResizeCrop, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.evaluation.promptable import PromptableMetric

with read_base():
    from .datasets.coco_4817 import coco_train_base, coco_val
    from .models.mini import data_preprocessor, neck, prompt_encoder, sam_image
    from .runtime import *
    from .schedules.mini import optim_wrapper, param_scheduler, train_cfg

dataset_name = "COCO"
weights_root = "work_dirs/mini"
test_prompts = ("box",)

# A cell per 16 px, as at full size: 32 x 32 of them. Attention over all 1,024 would take most of the
# time on a CPU: both transformers have two blocks with windows of 8 x 8.
data_preprocessor.update(size=512)
sam_image.update(image_size=512, patch_size=16, depth=2, window_size=8, global_attn_indexes=())
neck.update(embedding_size=32, target_stride=16, window_size=8, global_indexes=())
prompt_encoder.update(image_size=512, embedding_size=32)

instance_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    # Always to 512 px: used for what it leaves out, masks of less than 8 cells of the decoder's grid.
    dict(type=RandomResizeCrop, size=512, ratio_range=(1.0, 1.0), min_mask_area=128),
    dict(type=DrawPrompts, kind="box"),
    dict(type=PackPromptInputs),
]
image_pipeline = [
    dict(type=LoadImage),
    dict(type=ResizeLongSide, size=512),
    dict(type=PackPromptInputs),
]
coco_train_base.update(cache_images=True, pipeline=instance_pipeline)
coco_val.update(
    pipeline=[
        dict(type=LoadImage),
        dict(type=LoadInstances),
        dict(type=ResizeLongSide, size=512, keep_original_masks=True),
        dict(type=DrawPrompts, kind="box"),
        dict(type=PackPromptInputs),
    ],
)
train_dataloader = dict(
    dataset=coco_train_base,
    batch_size=1,
    num_workers=0,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
test_dataloader = dict(
    dataset=coco_val,
    batch_size=1,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
test_evaluator = dict(type=PromptableMetric)
test_cfg = dict()

optim_wrapper.optimizer.update(lr=5e-4)
train_cfg.update(max_epochs=120)
param_scheduler[1].update(T_max=120)
default_hooks.checkpoint.update(interval=20)
find_unused_parameters = True  # no mask prompts, so what reads them gets no gradient
