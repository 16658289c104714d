"""The trained Open-Vocabulary SAM against growing vocabularies: 80, 1,203, 13,204 and all 24,000 names.

python tools/test.py configs/mini/ovsam_vocabulary.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

method = "Open-Vocabulary SAM, growing vocabularies"
test_weights = "ovsam_rn"
test_prompts = ("vocabulary",)
# The tested classes are always offered; the rest is drawn from the list. Parents of drawn things are
# their colour, shape and pattern.
test_vocabulary = dict(names="shapes22k", sizes=(80, 1203, 13204, "all"), seed=0, parents="shapes")
