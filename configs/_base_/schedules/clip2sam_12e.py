"""CLIP2SAM's published schedule: AdamW 1e-4, 12 epochs, a global batch of 16.

Source: Open-Vocabulary SAM, released recipe (its paper says weight decay 1e-4).
"""

from mmengine.optim import LinearLR, MultiStepLR, OptimWrapper
from torch.optim import AdamW

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=1e-4, weight_decay=0.05),
    accumulative_counts=1,  # batches per step; 2 on half the GPUs keeps the global batch
    clip_grad=dict(max_norm=0.01),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.001, by_epoch=False, end=500),
    dict(type=MultiStepLR, milestones=[8, 11], gamma=0.1),
]
# No validation during training; run tools/test.py afterwards.
train_cfg = dict(by_epoch=True, max_epochs=12, val_begin=1_000_000)
auto_scale_lr = dict(enable=False, base_batch_size=16)  # 8 GPUs x 2 images
