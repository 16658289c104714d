"""ESC-Net with CLIP ViT-L/14@336 on A-150, in five views. Published mIoU: 41.8.

python tools/test.py configs/escnet/eval_a150.py WEIGHTS.safetensors
"""

from mmengine.config import read_base

with read_base():
    from .escnet_vitl14_cocostuff_80k import *

from ovsam.datasets.vocabularies import get_vocabulary

dataset_name = "A-150"
test_weights = "escnet_vitl14_cocostuff_80k"
model.update(vocabulary=dict(type=get_vocabulary, name="ade20k_150"))
val_dataloader.dataset.update(spec="a150")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
