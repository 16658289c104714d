"""AdamW with warm-up and cosine, shared by the miniature's stages; a stage sets rate and epochs."""

from mmengine.optim import CosineAnnealingLR, LinearLR, OptimWrapper
from torch.optim import AdamW

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=1e-3, weight_decay=0.05, fused=True),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type=LinearLR, start_factor=0.01, by_epoch=False, end=30),
    dict(type=CosineAnnealingLR, eta_min_ratio=0.01, T_max=1, convert_to_iter_based=True),
]
# A stage is not validated during training; run tools/test.py --split val afterwards.
train_cfg = dict(by_epoch=True, max_epochs=1, val_begin=1_000_000)
