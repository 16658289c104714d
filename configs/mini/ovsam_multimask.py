"""CLIP2SAM in miniature with several masks per prompt and a quality score: SAM's ambiguity-aware
decoder.

Differs from `ovsam_rn` in the decoder: 4 mask tokens and SAM's quality head. Token 0 trains as there, of
tokens 1 to 3 only the best one, and the quality head learns the masks' IoU. The small SAM has one token,
so all tokens, their MLPs and the quality head start from random weights. Needs `sam2clip_rn`.

    python tools/train.py configs/mini/ovsam_multimask.py
    python tools/test.py configs/mini/ovsam_multimask.py
"""

from mmengine.config import read_base

with read_base():
    from .ovsam_rn import *

method = "Open-Vocabulary SAM, 4 mask tokens and quality"
initial_weights = {
    "backbone": "shapes_clip_rn#image_encoder",
    "classifier.text_encoder": "shapes_clip_rn#text_encoder",
    "neck": "sam2clip_rn#neck",
    "prompt_encoder": "shapes_sam#prompt_encoder",
    "mask_decoder.decoder.transformer": "shapes_sam#mask_decoder.transformer",
    "mask_decoder.decoder.output_upscaling": "shapes_sam#mask_decoder.output_upscaling",
}
model.mask_decoder.update(num_mask_tokens=4, predicts_quality=True)
