"""The parts of the miniature at 192 px: a small CLIP, a small SAM, and what connects them.

The classes are those of the full size; only the numbers are smaller. Parts take channels and strides
from what their neighbours announce.
"""

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.decoders.clip2sam import Clip2SamDecoder
from ovsam.models.decoders.region_head import RegionHead
from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.losses import GridMaskLoss
from ovsam.models.necks.plain import ConvolutionalNeck
from ovsam.models.necks.pyramid import FeaturePyramid
from ovsam.models.necks.sam2clip import Sam2ClipNeck
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.templates import MINI_TEMPLATES

vocabulary = dict(type=get_vocabulary, name="shapes")
data_preprocessor = dict(type=PromptDataPreprocessor, size=192)

clip_image = dict(type=ClipImageEncoder, architecture="shapes-rn")
classifier = dict(
    type=VocabularyClassifier,
    vocabulary=vocabulary,
    text_encoder=dict(type=ClipTextEncoder, architecture="shapes-rn"),
    templates=MINI_TEMPLATES,
)

sam_image = dict(type=SamImageEncoder, architecture="mini")
prompt_encoder = dict(type=PromptEncoder, in_channels=64, image_size=192, embedding_size=24)
# Cross-attention has half the channels. Split among several heads they are too few to locate a prompt,
# and training takes long to learn where it points.
mask_decoder = dict(
    type=MaskDecoder, in_channels=64, num_mask_tokens=1, predicts_quality=False, num_heads=1, mlp_dim=256
)
# The decoder's grid has only 96 x 96 cells, so the loss reads all of them instead of sampled points.
mask_loss = dict(type=GridMaskLoss)

neck = dict(
    type=Sam2ClipNeck,
    embedding_size=24,
    target_stride=8,
    width=72,  # fewer than the teacher has, so that its absolute positions do not fit; they stay zero
    depth=2,
    num_heads=2,  # of 36 channels, as in the small SAM
    window_size=6,
    global_indexes=(1,),
    out_channels=64,
)
convolutional_neck = dict(type=ConvolutionalNeck, target_stride=8, width=96, depth=2, out_channels=64)
clip2sam_decoder = dict(type=Clip2SamDecoder, in_channels=64, num_heads=1, mlp_dim=256)
pyramid = dict(type=FeaturePyramid, out_channels=32)
# Objects are 23 to 170 px wide; those below 56 px are read from the finest map.
region_head = dict(type=RegionHead, roi_size=7, finest_scale=28.0)
