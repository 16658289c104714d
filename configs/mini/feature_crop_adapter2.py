"""Feature-Crop + Adapter2: convolutions along the small CLIP, and the mask decoder tuned.

Trains on annotations of the 48 base classes, as CLIP2SAM does. Needs stages a and b.

    python tools/train.py configs/mini/feature_crop_adapter2.py
    python tools/test.py configs/mini/feature_crop_adapter2.py
"""

from mmengine.config import read_base

from ovsam.models.adapters.clip_adapter import ClipConvAdapter
from ovsam.models.segmentors.tuned_baselines import TunedCropBaseline

with read_base():
    from .._base_.mini_adapter_training import *
    from .feature_crop import *

method = "Feature-Crop + Adapter2"
model.update(
    type=TunedCropBaseline,
    mask_loss=mask_loss,
    class_loss=class_loss,
    train_vocabulary="base",
)
model.update(clip_adapter=dict(type=ClipConvAdapter, widths=(24, 48, 96, 192)))
