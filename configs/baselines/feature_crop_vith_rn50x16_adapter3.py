"""Feature-Crop + Adapter3: convolutions along SAM's encoder, and its mask decoder tuned.

Source: Yuan et al., Open-Vocabulary SAM, main table; the adapter's definition is ours, to the published
budget (see `ovsam/models/adapters/sam_adapter.py`). Published, COCO, ground-truth boxes: IoU_b 76.1,
IoU_n 79.3, Acc 63.1; 3,580 G, 812 M.

    tools/launch.sh train configs/baselines/feature_crop_vith_rn50x16_adapter3.py --gpus 8
    python tools/test.py configs/baselines/feature_crop_vith_rn50x16_adapter3.py
"""

from mmengine.config import read_base

from ovsam.models.adapters.region_residual import RegionResidual
from ovsam.models.adapters.sam_adapter import SamConvAdapter

with read_base():
    from .._base_.adapter_training import *
    from .feature_crop_vith_rn50x16 import *

method = "Feature-Crop + Adapter3"
model.update(tuned)
model.update(sam_adapter=dict(type=SamConvAdapter), region_residual=dict(type=RegionResidual))
