"""Feature-Crop + Adapter1: learnable context tokens (CoOp), and the mask decoder tuned.

Trains on annotations of the 48 base classes, as CLIP2SAM does. Needs stages a and b.

    python tools/train.py configs/mini/feature_crop_adapter1.py
    python tools/test.py configs/mini/feature_crop_adapter1.py
"""

from mmengine.config import read_base

from ovsam.models.segmentors.tuned_baselines import TunedCropBaseline
from ovsam.models.text.context import ContextClassifier

with read_base():
    from .._base_.mini_adapter_training import *
    from .feature_crop import *

method = "Feature-Crop + Adapter1"
model.update(
    type=TunedCropBaseline,
    mask_loss=mask_loss,
    class_loss=class_loss,
    train_vocabulary="base",
)
model.classifier.pop("templates")
model.classifier.update(
    type=ContextClassifier, num_tokens=4, name_position="end", is_class_specific=False
)
