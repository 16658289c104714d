"""Feature-Crop + Adapter2: convolutions along CLIP's stages, and SAM's mask decoder tuned.

Source: Yuan et al., Open-Vocabulary SAM, main table; the adapter's definition is ours, to the published
budget (see `ovsam/models/adapters/clip_adapter.py`). Published, COCO, ground-truth boxes: IoU_b 78.5,
IoU_n 80.9, Acc 75.3; 3,590 G, 828 M.

    tools/launch.sh train configs/baselines/feature_crop_vith_rn50x16_adapter2.py --gpus 8
    python tools/test.py configs/baselines/feature_crop_vith_rn50x16_adapter2.py
"""

from mmengine.config import read_base

from ovsam.models.adapters.clip_adapter import ClipConvAdapter

with read_base():
    from .._base_.adapter_training import *
    from .feature_crop_vith_rn50x16 import *

method = "Feature-Crop + Adapter2"
model.update(tuned)
model.update(clip_adapter=dict(type=ClipConvAdapter))
