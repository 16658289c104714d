"""ESC-Net with CLIP ViT-L/14@336 on PC-459, in five views. Published mIoU: 27.0.

python tools/test.py configs/escnet/eval_pc459.py WEIGHTS.safetensors
"""

from mmengine.config import read_base

with read_base():
    from .escnet_vitl14_cocostuff_80k import *

from ovsam.datasets.vocabularies import get_vocabulary

dataset_name = "PC-459"
test_weights = "escnet_vitl14_cocostuff_80k"
model.update(vocabulary=dict(type=get_vocabulary, name="pascal_context_459"))
val_dataloader.dataset.update(spec="pc459")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
