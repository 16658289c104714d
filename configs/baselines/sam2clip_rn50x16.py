"""SAM2CLIP only: SAM's frozen decoder on the distilled embedding, labels from CLIP's features in the
box.

Source: Yuan et al., Open-Vocabulary SAM, table 6 ("SAM2CLIP only"), table 7 right and table 8 left
(R50x16): IoU 78.1, Acc 55.1 (54.2 in table 7). Published cost 1,180 G and 304 M, 1,127 G and 291 M in
table 6: with and without parts that are unused here. Only the neck is trained (configs/sam2clip).

    python tools/test.py configs/baselines/sam2clip_rn50x16.py
"""

from mmengine.config import read_base

from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam

with read_base():
    from .._base_.evaluation import *
    from .._base_.models.ovsam import model as whole

method = "SAM2CLIP only"
initial_weights = {
    "backbone": "clip_rn50x16#image_encoder",
    "classifier.text_encoder": "clip_rn50x16#text_encoder",
    "neck": "sam2clip_vith_rn50x16_sa1b_24e#neck",
    "prompt_encoder": "sam_vit_h#prompt_encoder",
    "mask_decoder": "sam_vit_h#mask_decoder",
}
model = dict(
    type=OpenVocabSam,
    data_preprocessor=whole.data_preprocessor,
    backbone=whole.backbone,
    neck=whole.neck,
    prompt_encoder=whole.prompt_encoder,
    mask_decoder=dict(type=MaskDecoder),
    classifier=whole.classifier,
    fusion=whole.fusion,
)
