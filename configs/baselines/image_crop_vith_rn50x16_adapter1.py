"""Image-Crop + Adapter1: learnable context tokens (CoOp), and SAM's mask decoder tuned.

Source: Yuan et al., Open-Vocabulary SAM, main table, and table 1 under the name "+ CoOp". Published,
COCO, ground-truth boxes: IoU_b 79.6, IoU_n 82.1, Acc 62.0; centre points: 64.7, 66.7, 28.2. The paper
states neither number nor position of the tokens; these are CoOp's defaults.

    tools/launch.sh train configs/baselines/image_crop_vith_rn50x16_adapter1.py --gpus 8
    python tools/test.py configs/baselines/image_crop_vith_rn50x16_adapter1.py
"""

from mmengine.config import read_base

from ovsam.models.text.context import ContextClassifier

with read_base():
    from .._base_.adapter_training import *
    from .image_crop_vith_rn50x16 import *

method = "Image-Crop + Adapter1"
model.update(tuned)
model.classifier.update(
    type=ContextClassifier, num_tokens=16, name_position="end", is_class_specific=False
)
