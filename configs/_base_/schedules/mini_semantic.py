"""AdamW with warm-up and cosine for the semantic miniature; CLIP at a hundredth of the rate."""

from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=2e-3, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys={"backbone": dict(lr_mult=0.01)}),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.01, by_epoch=False, end=20),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, T_max=1, convert_to_iter_based=True),
]
# A run is not validated during training; run tools/test.py --split val afterwards.
train_cfg = dict(by_epoch=True, max_epochs=1, val_begin=1_000_000)
