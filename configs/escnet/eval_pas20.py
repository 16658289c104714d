"""ESC-Net with CLIP ViT-L/14@336 on PAS-20, in five views. Published mIoU: 98.3.

python tools/test.py configs/escnet/eval_pas20.py WEIGHTS.safetensors
"""

from mmengine.config import read_base

with read_base():
    from .escnet_vitl14_cocostuff_80k import *

from ovsam.datasets.vocabularies import get_vocabulary

dataset_name = "PAS-20"
test_weights = "escnet_vitl14_cocostuff_80k"
model.update(vocabulary=dict(type=get_vocabulary, name="voc_20"))
val_dataloader.dataset.update(spec="pas20")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
