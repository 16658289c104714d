"""Shared by the stages on a few photographs: 512 px, the data, a schedule for overfitting.

The stages should memorise these pictures, so nothing is flipped or cropped. A step takes one picture,
because the number of steps matters more than their size here. Each instance gets one prompt, its box: a
second box teaches nothing new, and training with clicks as well took far longer.
"""

from mmengine.config import read_base

from ovsam.datasets.transforms.geometry import RandomResizeCrop, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.evaluation.promptable import PromptableMetric

with read_base():
    from .datasets.coco_4817 import coco_train_base, coco_val
    from .loaders import eval_loader, train_loader
    from .models.mini import data_preprocessor, neck, prompt_encoder, sam_image
    from .runtime import *
    from .schedules.mini import optim_wrapper, param_scheduler, train_cfg

dataset_name = "COCO"
weights_root = "work_dirs/mini"
test_prompts = ("box",)

# One cell per 16 px as at full size, 32 x 32 cells. On a CPU, attention over all 1,024 would take most
# of the time, so both transformers have two blocks with windows of 8 x 8.
data_preprocessor.update(size=512)
sam_image.update(image_size=512, patch_size=16, depth=2, window_size=8, global_attn_indexes=())
neck.update(
    width=144, num_heads=4, embedding_size=32, target_stride=16, window_size=8, global_indexes=()
)
prompt_encoder.update(image_size=512, embedding_size=32)

instance_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    # Always resizes to 512 px. It is here to drop masks below 8 cells of the decoder's grid.
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
train_dataloader = dict(train_loader, dataset=coco_train_base, batch_size=1)
test_dataloader = dict(eval_loader, dataset=coco_val, batch_size=1)
test_evaluator = dict(type=PromptableMetric)
test_cfg = dict()

optim_wrapper.optimizer.update(lr=5e-4)
train_cfg.update(max_epochs=120)
param_scheduler[1].update(T_max=120)
default_hooks.checkpoint.update(interval=20)
find_unused_parameters = True  # there are no mask prompts to train their encoder
