"""Image-Crop at full size: SAM ViT-H with CLIP RN50x16. Feature-Crop differs in `vectors`."""

from mmengine.config import read_base

from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.segmentors.clip_regions import ImageCrop
from ovsam.models.segmentors.crop_baselines import CropBaseline

with read_base():
    from .ovsam import model as whole

model = dict(
    type=CropBaseline,
    data_preprocessor=whole.data_preprocessor,
    image_encoder=dict(type=SamImageEncoder, architecture="vit_h"),
    backbone=whole.backbone,
    prompt_encoder=whole.prompt_encoder,
    mask_decoder=dict(type=MaskDecoder),
    vectors=dict(type=ImageCrop, box="mask"),
    classifier=whole.classifier,
)
