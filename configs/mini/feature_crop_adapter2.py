"""Feature-Crop + Adapter2: convolutions along the small CLIP, and the mask decoder tuned.

Trains on the annotations of the 48 base classes, like CLIP2SAM.

    python tools/train.py configs/mini/feature_crop_adapter2.py
    python tools/test.py configs/mini/feature_crop_adapter2.py
"""

from mmengine.config import read_base

from ovsam.models.adapters.clip_adapter import ClipConvAdapter

with read_base():
    from .._base_.mini_adapter_training import *
    from .feature_crop import *

method = "Feature-Crop + Adapter2"
model.update(tuned)
model.update(clip_adapter=dict(type=ClipConvAdapter, widths=(24, 48, 96, 192)))
