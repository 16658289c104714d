"""Open-Vocabulary SAM at full size: CLIP RN50x16, input 1024 px, SAM ViT-H's decoder."""

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.decoders.clip2sam import Clip2SamDecoder
from ovsam.models.decoders.region_head import RegionHead
from ovsam.models.losses import ClassificationLoss, PointMaskLoss
from ovsam.models.necks.pyramid import FeaturePyramid
from ovsam.models.necks.sam2clip import Sam2ClipNeck
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.clip_text import ClipTextEncoder

model = dict(
    type=OpenVocabSam,
    data_preprocessor=dict(type=PromptDataPreprocessor, size=1024),
    backbone=dict(type=ClipImageEncoder, architecture="RN50x16"),
    neck=dict(type=Sam2ClipNeck, embedding_size=64),
    prompt_encoder=dict(type=PromptEncoder, image_size=1024, embedding_size=64),
    mask_decoder=dict(type=Clip2SamDecoder),
    pyramid=dict(type=FeaturePyramid),
    region_head=dict(type=RegionHead),
    classifier=dict(
        type=VocabularyClassifier,
        vocabulary=dict(type=get_vocabulary, name="coco_48_17"),
        text_encoder=dict(type=ClipTextEncoder, architecture="RN50x16"),
        logit_scale=100.00298,  # exp(4.6052), as released
    ),
    fusion=dict(type=ClipFusion, vectors=dict(type=FeatureCrop)),
    mask_loss=dict(type=PointMaskLoss),
    class_loss=dict(type=ClassificationLoss),
    # In training novel names are negatives, as released; "base" leaves them out.
    train_vocabulary="all",
    max_prompts=5000,  # per image; decoded in chunks, so memory stays bounded
)
