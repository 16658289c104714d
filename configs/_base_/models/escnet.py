"""ESC-Net with CLIP ViT-B/16 at 384 px; configs of other CLIPs set what differs."""

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.decoders.esc_block import EscRefiner
from ovsam.models.decoders.pseudo_prompts import PseudoPromptEncoder, PseudoPromptGenerator
from ovsam.models.decoders.upsampler import TapUpsampler
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.models.segmentors.escnet import EscNet
from ovsam.models.semantic_loss import SemanticLoss
from ovsam.models.semantic_preprocessor import SemanticDataPreprocessor

model = dict(
    type=EscNet,
    data_preprocessor=dict(type=SemanticDataPreprocessor),
    backbone=dict(type=DenseClip, architecture="ViT-B-16", image_size=384, taps=(3, 7)),
    refiner=dict(
        type=EscRefiner,
        grid=(24, 24),
        generator=dict(type=PseudoPromptGenerator),
        prompts=dict(
            type=PseudoPromptEncoder,
            prompt_encoder=dict(type=PromptEncoder, in_channels=256, image_size=384, embedding_size=24),
        ),
    ),
    decoder=dict(type=TapUpsampler),
    vocabulary=dict(type=get_vocabulary, name="coco_stuff_171"),
    loss=dict(type=SemanticLoss),
)
# SAM ViT-B's prompt encoder, and a copy of its decoder's transformer for every block.
sam_weights = {
    "refiner.prompts.prompt_encoder": "sam_vit_b#prompt_encoder",
    "refiner.blocks.*.sam_block.transformer": "sam_vit_b#mask_decoder.transformer",
    "refiner.blocks.*.sam_block.iou_token": "sam_vit_b#mask_decoder.iou_token",
    "refiner.blocks.*.sam_block.mask_tokens": "sam_vit_b#mask_decoder.mask_tokens",
}
