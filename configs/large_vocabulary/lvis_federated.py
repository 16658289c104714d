"""LVIS v1 alone, with the federated class loss: frequent classes are counterexamples more often.

Not published; beside `lvis`. LVIS does not say of every class whether a picture shows it.

    tools/launch.sh train configs/large_vocabulary/lvis_federated.py --gpus 8
    python tools/test.py configs/large_vocabulary/lvis_federated.py
"""

from mmengine.config import read_base

from ovsam.datasets.vocabularies import image_counts
from ovsam.models.class_draws import FederatedClassLoss

with read_base():
    from .lvis import *

counts = dict(type=image_counts, name="lvis_v1")
model.merge(dict(class_loss=dict(_delete_=True, type=FederatedClassLoss, counts=counts)))
