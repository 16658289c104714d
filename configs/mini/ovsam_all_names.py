"""Row "all names": novel names are negatives in the training softmax, as in the published recipe.

python tools/train.py configs/mini/ovsam_all_names.py
python tools/test.py configs/mini/ovsam_all_names.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

ablation = dict(
    parent="mini/ovsam_rn.py",
    table="-",
    row="all names in the softmax",
    changes=["model.train_vocabulary"],
)
method = "Open-Vocabulary SAM, trained with all names"
model.update(train_vocabulary="all")
