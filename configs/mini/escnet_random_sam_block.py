"""ESC-Net in miniature, ablation: the SAM block starts from random weights and trains entirely.

python tools/train.py configs/mini/escnet_random_sam_block.py
python tools/test.py configs/mini/escnet_random_sam_block.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.mini_semantic import clip_weights
    from .escnet import *

method = "ESC-Net, SAM block from random weights"
ablation = dict(
    parent="mini/escnet.py",
    table="mini-semantic",
    row="ESC-Net, SAM block from random weights",
    changes=["model.refiner.tuned", "initial_weights", "optim_wrapper.paramwise_cfg.custom_keys"],
)
model.refiner.update(tuned="all")
optim_wrapper.paramwise_cfg.merge(dict(custom_keys=dict(_delete_=True, backbone=dict(lr_mult=0.01))))
initial_weights = clip_weights
