"""Feature-Crop + Adapter1: learnable context tokens (CoOp), and SAM's mask decoder tuned.

Source: Yuan et al., Open-Vocabulary SAM, main table, and table 1 under the name "+ CoOp". Published,
COCO, ground-truth boxes: IoU_b 79.6, IoU_n 82.1, Acc 70.9; centre points: accuracy 35.1. The paper
states neither number nor position of the tokens; these are CoOp's defaults.

    tools/launch.sh train configs/baselines/feature_crop_vith_rn50x16_adapter1.py --gpus 8
    python tools/test.py configs/baselines/feature_crop_vith_rn50x16_adapter1.py
"""

from mmengine.config import read_base

from ovsam.models.text.context import ContextClassifier

with read_base():
    from .._base_.adapter_training import *
    from .feature_crop_vith_rn50x16 import *

method = "Feature-Crop + Adapter1"
model.update(tuned)
model.classifier.update(
    type=ContextClassifier, num_tokens=16, name_position="end", is_class_specific=False
)
