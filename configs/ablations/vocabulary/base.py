"""Row "base names only": base names only in the softmax of training: novel names are no negatives.

Not in the paper.

    tools/launch.sh train configs/ablations/vocabulary/base.py --gpus 8
    python tools/test.py configs/ablations/vocabulary/base.py
"""

from mmengine.config import read_base

with read_base():
    from ...ovsam.ovsam_rn50x16_coco48_12e import *

ablation = dict(
    parent="ovsam/ovsam_rn50x16_coco48_12e.py",
    table="vocabulary",
    row="base names only",
    changes=["model.train_vocabulary"],
)
method = "Open-Vocabulary SAM, base names only"
model.update(train_vocabulary="base")
