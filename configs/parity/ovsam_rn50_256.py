"""Small Open-Vocabulary SAM of the numeric fixtures: CLIP RN50 at 256 px, prediction.

python tests/parity/run.py configs/parity/ovsam_rn50_256.py KEYS.json INPUTS.npz OUT.npz
"""

from mmengine.config import read_base

with read_base():
    from .._base_.models.ovsam import model

method = "Open-Vocabulary SAM, small"
model.update(reference_point_box=True)
model.data_preprocessor.update(size=256)
model.backbone.update(architecture="RN50")
model.neck.update(embedding_size=16, width=160)
model.prompt_encoder.update(image_size=256, embedding_size=16)
model.classifier.update(text_encoder=None)  # the fixtures bring the class embeddings
