"""SAM2CLIP's published schedule: AdamW 1e-4, 24 epochs, a global batch of 16.

Source: Open-Vocabulary SAM, released recipe (its paper says 12 epochs and weight decay 1e-4).
"""

from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=1e-4, weight_decay=0.05),
    # No decay on norms. mmengine does not recognise SAM's LayerNorm2d at the end of the neck as one.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys={"neck.neck.1": dict(decay_mult=0.0), "neck.neck.3": dict(decay_mult=0.0)},
    ),
    clip_grad=dict(max_norm=5.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.001, by_epoch=False, end=500),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, T_max=24, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=24, val_begin=1_000_000)
auto_scale_lr = dict(enable=False, base_batch_size=16)  # 8 GPUs x 2 images
