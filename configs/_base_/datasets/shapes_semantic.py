"""Label maps of the embedded benchmark `shapes` at 128 px, with its held-out classes.

Data: `python tools/prepare_data.py shapes`. In training every pixel of a class that is not base is
unlabelled, as is the background; tests count the pixels of base and novel classes.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.transforms.geometry import RandomFlip
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import LoadSemantic, PackSemanticInputs
from ovsam.evaluation.semantic import SemanticMetric

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
    type=SemsegDataset,
    spec="shapes_test",
    indices=500,  # half of the pictures: every class is asked of every picture
    keep="evaluated",
    with_occlusion=True,
    test_mode=True,
    pipeline=shapes_semantic_test_pipeline,
)

shapes_semantic_train_loader = dict(
    dataset=shapes_semantic_train,
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
shapes_semantic_val_loader = dict(
    dataset=shapes_semantic_val,
    batch_size=25,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
shapes_semantic_test_loader = dict(
    dataset=shapes_semantic_test,
    batch_size=25,
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
# A third of the objects show less than about 500 px, a third more than about 900.
shapes_semantic_evaluator = dict(type=SemanticMetric, region_sizes=(500, 900))
