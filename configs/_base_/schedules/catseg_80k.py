"""CAT-Seg's published schedule: AdamW 2e-4, 80,000 steps of 4 pictures, cosine without warm-up.

Source: Cho et al., CAT-Seg, section 4.1 and its released recipe. CLIP trains at a hundredth of the rate.
"""

from mmengine.optim import CosineAnnealingLR, OptimWrapper
from torch.optim import AdamW

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=AdamW, lr=2e-4, weight_decay=1e-4),
    accumulative_counts=1,
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys={"backbone": dict(lr_mult=0.01)}),
    clip_grad=dict(max_norm=0.01),
)
param_scheduler = [dict(type=CosineAnnealingLR, T_max=80_000, eta_min=0.0, by_epoch=False)]
# No validation during training; run tools/test.py afterwards.
train_cfg = dict(by_epoch=False, max_iters=80_000, val_begin=1_000_000)
auto_scale_lr = dict(enable=False, base_batch_size=4)
