"""A subset of SA-1B at 1024 px, images only: SAM2CLIP's data.

Source: Open-Vocabulary SAM, its released recipe: 1 % of SA-1B (10 of 1,000 folders, about 111,000
images), resized and padded, nothing random.

Data: `python tools/prepare_data.py sa1b` indexes the parts found in data/sa1b.
"""

from mmengine.dataset import pseudo_collate

from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.samplers import EvenSampler
from ovsam.datasets.transforms.geometry import ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.packing import PackPromptInputs

sa1b_pipeline = [
    dict(type=LoadImage),
    dict(type=ResizeLongSide, size=1024),
    dict(type=PackPromptInputs),
]

sa1b_train = dict(
    type=Sa1bDataset,
    data_root="data/sa1b",
    index="subset.json",
    pipeline=sa1b_pipeline,
)

sa1b_train_loader = dict(
    dataset=sa1b_train,
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
