"""Label maps of the embedded benchmark `shapes`, with its held-out classes.

Data: `python tools/prepare_data.py shapes`. Training labels the pixels of base classes only. Tests count
the pixels of base and novel classes, never the background.
"""

from mmengine.config import read_base

from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.transforms.geometry import RandomFlip
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import LoadSemantic, PackSemanticInputs
from ovsam.evaluation.semantic import SemanticMetric

with read_base():
    from ..loaders import eval_loader, train_loader

shapes_semantic_train_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSemantic),
    dict(type=RandomFlip, probability=0.5),
    dict(type=PackSemanticInputs),
]
shapes_semantic_test_pipeline = [
    dict(type=LoadImage),
    dict(type=LoadSemantic),
    dict(type=PackSemanticInputs),
]

shapes_semantic_train = dict(
    type=SemsegDataset,
    spec="shapes_train",
    keep="base",
    cache_images=True,
    pipeline=shapes_semantic_train_pipeline,
)
shapes_semantic_val = dict(
    type=SemsegDataset,
    spec="shapes_val",
    keep="evaluated",
    with_occlusion=True,
    test_mode=True,
    pipeline=shapes_semantic_test_pipeline,
)
shapes_semantic_test = dict(
    shapes_semantic_val,
    spec="shapes_test",
    indices=500,  # half of the pictures, because every class is looked for in every picture
)

shapes_semantic_train_loader = dict(train_loader, dataset=shapes_semantic_train, batch_size=8)
shapes_semantic_val_loader = dict(eval_loader, dataset=shapes_semantic_val, batch_size=25)
shapes_semantic_test_loader = dict(eval_loader, dataset=shapes_semantic_test, batch_size=25)
# Visible pixels of an object: about a third have fewer than 1,300, a third more than 2,300.
shapes_semantic_evaluator = dict(type=SemanticMetric, region_sizes=(1300, 2300))
