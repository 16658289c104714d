"""Small Open-Vocabulary SAM of the numeric fixtures: one training step of CLIP2SAM.

python tests/parity/run.py configs/parity/clip2sam_rn50_256.py KEYS.json INPUTS.npz OUT.npz
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn50_256 import method, model

model.mask_loss.update(num_points=512)
