"""ESC-Net with CLIP ViT-L/14@336 on PAS-20b, in five views. No mIoU is published.

python tools/test.py configs/escnet/eval_pas20b.py WEIGHTS.safetensors
"""

from mmengine.config import read_base

with read_base():
    from .escnet_vitl14_cocostuff_80k import *

from ovsam.datasets.vocabularies import get_vocabulary

dataset_name = "PAS-20b"
test_weights = "escnet_vitl14_cocostuff_80k"
model.update(vocabulary=dict(type=get_vocabulary, name="voc_20b"))
val_dataloader.dataset.update(spec="pas20b")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
