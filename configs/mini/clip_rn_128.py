"""The small CLIP goes on with still larger pictures: scenes with things as large as it has to read.

A picture of 128 px shows half to all of a scene of 192 px, almost always of several things that hide
each other; two thirds look like the benchmark's classes. Its weights are released as `shapes_clip_rn`.
Needs `clip_rn_96`.

    python tools/train.py configs/mini/clip_rn_128.py
"""

from mmengine.config import read_base

with read_base():
    from .clip_rn_96 import *

method = "Small CLIP, third part"
initial_weights = {"": "clip_rn_96"}

model.data_preprocessor.update(size=128)
train_dataloader.dataset.update(
    num_pictures=32_640,
    size=128,
    single_share=0.1,
    sides=(0.5, 1.0),
    common_share=0.65,
    world=3,
)
train_cfg.update(max_epochs=5)
param_scheduler[1].update(T_max=5)
