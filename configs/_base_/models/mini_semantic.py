"""CAT-Seg and ESC-Net in miniature: the full-size parts on the small CLIP ViT and the small SAM.

CLIP sees the pictures as they are, 192 px, as a grid of 12 x 12 patches.
"""

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.backbones.clip_specs import IMAGENET_MEAN, IMAGENET_STD
from ovsam.models.decoders.aggregator import CostAggregator
from ovsam.models.decoders.catseg_decoder import GuidedUpsampler
from ovsam.models.decoders.cost_embedding import CostEmbedding
from ovsam.models.decoders.esc_block import EscRefiner
from ovsam.models.decoders.pseudo_prompts import PseudoPromptEncoder, PseudoPromptGenerator
from ovsam.models.decoders.upsampler import TapUpsampler
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.models.segmentors.catseg import CatSeg
from ovsam.models.segmentors.escnet import EscNet
from ovsam.models.semantic_loss import SemanticLoss
from ovsam.models.semantic_preprocessor import SemanticDataPreprocessor
from ovsam.ops.windows import WholeView

semantic_preprocessor = dict(type=SemanticDataPreprocessor, mean=IMAGENET_MEAN, std=IMAGENET_STD)
dense_clip = dict(type=DenseClip, architecture="shapes-vit-dense", image_size=192, taps=(0, 1))
semantic_vocabulary = dict(type=get_vocabulary, name="shapes")
whole_view = dict(type=WholeView, size=192, pad_multiple=1)
semantic_template = "a photo of a {}"  # as in the small CLIP's captions
image_classes = 10  # instead of 48 in training and 80 at test; a step takes a third of the time

catseg = dict(
    type=CatSeg,
    data_preprocessor=semantic_preprocessor,
    backbone=dense_clip,
    cost_embedding=dict(type=CostEmbedding, channels=32),
    aggregator=dict(
        type=CostAggregator,
        grid=(12, 12),
        channels=32,
        guidance_channels=32,
        window=6,
        num_heads=2,
        num_tokens=80,
    ),
    decoder=dict(
        type=GuidedUpsampler,
        channels=32,
        tap_channels=(32, 32),
        guidance_channels=(8, 8),
        out_channels=(16, 16),
    ),
    vocabulary=semantic_vocabulary,
    loss=dict(type=SemanticLoss),
    image_classes=image_classes,
    views=whole_view,
    template=semantic_template,
)

# One small SAM transformer of width 64 and one head per block, as configs/_base_/models/mini.py has it.
escnet = dict(
    type=EscNet,
    data_preprocessor=semantic_preprocessor,
    backbone=dense_clip,
    refiner=dict(
        type=EscRefiner,
        grid=(12, 12),
        generator=dict(type=PseudoPromptGenerator),
        prompts=dict(
            type=PseudoPromptEncoder,
            prompt_encoder=dict(type=PromptEncoder, in_channels=64, image_size=192, embedding_size=12),
            is_frozen=False,  # the small SAM never saw a mask prompt, so that part is still untrained
        ),
        num_blocks=2,
        channels=32,
        window=6,
        num_heads=2,
        sam_channels=64,
        sam_heads=1,
        sam_mlp_dim=256,
        sam_mask_tokens=1,
        sam_quality_tokens=0,
        chunk_size=0,
        checkpoints=False,
    ),
    decoder=dict(type=TapUpsampler, channels=32, tap_channels=(8, 8), out_channels=(16, 16)),
    vocabulary=semantic_vocabulary,
    loss=dict(type=SemanticLoss),
    image_classes=image_classes,
    views=whole_view,
    template=semantic_template,
)

clip_weights = {"backbone": "shapes_clip_vit_dense#backbone"}
sam_weights = {
    "refiner.prompts.prompt_encoder": "shapes_sam#prompt_encoder",
    "refiner.blocks.*.sam_block.transformer": "shapes_sam#mask_decoder.transformer",
    "refiner.blocks.*.sam_block.mask_tokens": "shapes_sam#mask_decoder.mask_tokens",
}
