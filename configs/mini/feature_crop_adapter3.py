"""Feature-Crop + Adapter3: convolutions along the small SAM, and the mask decoder tuned.

Trains on the annotations of the 48 base classes, like CLIP2SAM.

    python tools/train.py configs/mini/feature_crop_adapter3.py
    python tools/test.py configs/mini/feature_crop_adapter3.py
"""

from mmengine.config import read_base

from ovsam.models.adapters.region_residual import RegionResidual
from ovsam.models.adapters.sam_adapter import SamConvAdapter

with read_base():
    from .._base_.mini_adapter_training import *
    from .feature_crop import *

method = "Feature-Crop + Adapter3"
model.update(tuned)
model.update(
    sam_adapter=dict(type=SamConvAdapter, stride=8, after=(1, 3), width=24, stem_width=16),
    region_residual=dict(type=RegionResidual, roi_size=7),
)
