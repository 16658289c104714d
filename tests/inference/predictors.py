"""A predictor on the miniature's architecture with random weights, and a picture for it."""

import numpy as np
import torch

from ovsam.inference.predictor import Predictor

RNG = np.random.default_rng(3)
PICTURE = np.kron(RNG.integers(0, 255, (9, 12, 3), dtype=np.uint8), np.ones((17, 14, 1), np.uint8))
BOX = [[10, 20, 90, 140]]
HEIGHT, WIDTH = PICTURE.shape[:2]  # 153, 168: is resized


def build(config="mini/ovsam_rn"):
    torch.manual_seed(4)
    return Predictor.from_pretrained(config, weights="none", device="cpu")
