"""Small CAT-Seg of the numeric fixtures: a ViT of width 128 at 384 px, everything else as ViT-B/16.

python tests/parity/run.py configs/parity/catseg_tiny.py KEYS.json INPUTS.npz OUT.npz \\
    --overrides OVERRIDES.json
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.catseg import model

from ovsam.structures.vocabulary import Vocabulary

method = "CAT-Seg, small"
model.backbone.update(architecture="parity-vit")
model.loss.update(ignored="negative")  # as released
# The fixtures bring their own class names.
model.update(vocabulary=dict(type=Vocabulary.from_names, names=["person"], name="fixture"))
