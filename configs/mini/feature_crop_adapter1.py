"""Feature-Crop + Adapter1: learnable context tokens (CoOp), and the mask decoder tuned.

Trains on the annotations of the 48 base classes, like CLIP2SAM.

    python tools/train.py configs/mini/feature_crop_adapter1.py
    python tools/test.py configs/mini/feature_crop_adapter1.py
"""

from mmengine.config import read_base

from ovsam.models.text.context import ContextClassifier

with read_base():
    from .._base_.mini_adapter_training import *
    from .feature_crop import *

method = "Feature-Crop + Adapter1"
model.update(tuned)
model.classifier.pop("templates")
model.classifier.update(
    type=ContextClassifier, num_tokens=4, name_position="end", is_class_specific=False
)
