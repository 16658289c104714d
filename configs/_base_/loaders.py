"""The loaders of the miniature, but for their data set and batch size.

A sample costs 1 to 2 ms, less than sending it from a worker process, so there are no workers.
"""

from mmengine.dataset import DefaultSampler, pseudo_collate

from ovsam.datasets.samplers import EvenSampler

train_loader = dict(
    num_workers=0,
    drop_last=True,
    sampler=dict(type=EvenSampler, shuffle=True),
    collate_fn=dict(type=pseudo_collate),
)
eval_loader = dict(
    num_workers=0,
    sampler=dict(type=DefaultSampler, shuffle=False),
    collate_fn=dict(type=pseudo_collate),
)
