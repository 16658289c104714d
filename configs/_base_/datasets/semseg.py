"""Data sets with label maps: COCO-Stuff for training, the papers' six sets for testing.

Training: short side 384, window 384, SSD's colours, flip, batches of 4 (over all processes). Tests:
short side 640, labels at their original size. To test on another set of
`ovsam/datasets/semseg_specs.py`, name it:

    tools/test.py CONFIG --sets pc59    # a847, pc459, a150, pc59, pas20, pas20b, or all

which changes the model's vocabulary with it.

Source: CAT-Seg, section 4 and its released recipe.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.transforms.geometry import RandomFlip
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import (
    ColourDistortion,
    LoadSemantic,
    PackSemanticInputs,
    RandomWindow,
    ResizeShortSide,
)
from ovsam.evaluation.semantic import SemanticMetric

cocostuff_train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSemantic),
    dict(type=ResizeShortSide, size=384, max_size=2048),
    dict(type=RandomWindow, size=384),
    dict(type=ColourDistortion),
    dict(type=RandomFlip, probability=0.5),
    dict(type=PackSemanticInputs),
]
semseg_test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSemantic),
    dict(type=ResizeShortSide, size=640, max_size=2560, keep_original_labels=True),
    dict(type=PackSemanticInputs),
]

cocostuff_train = dict(type=SemsegDataset, spec="coco_stuff_train", pipeline=cocostuff_train_pipeline)
semseg_val = dict(type=SemsegDataset, spec="a150", test_mode=True, pipeline=semseg_test_pipeline)

cocostuff_train_loader = dict(
    dataset=cocostuff_train,
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
# One image at a time, because sizes differ.
semseg_val_loader = dict(
    dataset=semseg_val,
    batch_size=1,
    num_workers=4,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
semseg_evaluator = dict(type=SemanticMetric)
