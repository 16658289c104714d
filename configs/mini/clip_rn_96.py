"""The small CLIP goes on with larger pictures, which show objects as large as whole scenes do.

Pictures of 96 px reach the attention pool as one region, pooled onto its grid. Half of the things look
like the benchmark's classes, as COCO's names are among the most frequent of the web. `clip_rn_128` goes
on from here. Needs `clip_rn`.

    python tools/train.py configs/mini/clip_rn_96.py
"""

from mmengine.config import read_base

with read_base():
    from .clip_rn import *

method = "Small CLIP, second part"
initial_weights = {"": "clip_rn"}

model.data_preprocessor.update(size=96)
train_dataloader.dataset.update(
    num_pictures=43_200,
    size=96,
    num_single=0,
    single_share=0.2,
    sides=(0.33, 0.9),
    common_share=0.5,
    world=2,
)
train_dataloader.update(batch_size=96)
val_dataloader = None
val_evaluator = None
val_cfg = None

optim_wrapper.optimizer.update(lr=1.5e-3)
train_cfg.update(max_epochs=5)
param_scheduler[1].update(T_max=5)
