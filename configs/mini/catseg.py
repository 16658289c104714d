"""CAT-Seg in miniature: cost aggregation over the small CLIP ViT, trained on pixels of base classes.

python tools/train.py configs/mini/catseg.py
python tools/test.py configs/mini/catseg.py
"""

from mmengine.config import read_base

with read_base():
    from .._base_.datasets.shapes_semantic import shapes_semantic_train_loader
    from .._base_.mini_semantic import *
    from .._base_.models.mini_semantic import catseg as model
    from .._base_.models.mini_semantic import clip_weights
    from .._base_.schedules.mini_semantic import optim_wrapper, param_scheduler, train_cfg

method = "CAT-Seg"
initial_weights = clip_weights
model.loss.update(ignored="negative")  # as in CAT-Seg, the background is a negative of every class
train_dataloader = shapes_semantic_train_loader
train_dataloader.update(batch_size=2)
train_dataloader.dataset.update(indices=2000)  # 1,000 steps
