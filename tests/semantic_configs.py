"""Tiny configs of semantic models, as files, with random weights of every part that matters."""

from pathlib import Path

import torch

from ovsam.inference.semantic_predictor import SemanticPredictor

HEAD = """
from ovsam.datasets.vocabularies import class_list, get_vocabulary
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import LoadSemantic, PackSemanticInputs, ResizeShortSide
from ovsam.datasets.semseg import SemsegDataset
from ovsam.evaluation.semantic import SemanticMetric
from ovsam.models.backbones.clip_dense import DenseClip
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
from ovsam.ops.windows import SlidingViews

shared = dict(
    data_preprocessor=dict(type=SemanticDataPreprocessor),
    backbone=dict(type=DenseClip, architecture="shapes-vit", image_size=32, taps=(1, 3)),
    vocabulary={vocabulary},
    loss=dict(type=SemanticLoss),
    views=dict(type=SlidingViews, size=48, window=32, stride=16),
)
test_dataloader = dict(
    dataset=dict(
        type=SemsegDataset,
        spec="a150",
        test_mode=True,
        pipeline=[
            dict(type=LoadImage),
            dict(type=LoadSemantic),
            dict(type=ResizeShortSide, size=56, max_size=200, keep_original_labels=True),
            dict(type=PackSemanticInputs),
        ],
    ),
    batch_size=1,
)
test_evaluator = dict(type=SemanticMetric)
"""
OWN_VOCABULARY = 'dict(type=class_list, name="tiny", base=["cat", "dog", "sky"], novel=["road"])'
MODELS = {
    "catseg": """
model = dict(
    type=CatSeg,
    cost_embedding=dict(type=CostEmbedding, channels=16),
    aggregator=dict(
        type=CostAggregator, grid=(4, 4), channels=16, guidance_channels=16, window=2, num_tokens=9
    ),
    decoder=dict(
        type=GuidedUpsampler, channels=16, tap_channels=(24, 20), guidance_channels=(8, 4)
    ),
    max_classes=6,
    **shared,
)
""",
    "escnet": """
model = dict(
    type=EscNet,
    refiner=dict(
        type=EscRefiner,
        grid=(4, 4),
        generator=dict(type=PseudoPromptGenerator, num_regions=2),
        prompts=dict(
            type=PseudoPromptEncoder,
            prompt_encoder=dict(
                type=PromptEncoder, in_channels=16, image_size=32, embedding_size=4
            ),
        ),
        num_blocks=2,
        channels=16,
        window=2,
        num_heads=2,
        sam_channels=16,
        sam_heads=2,
        sam_mlp_dim=24,
    ),
    decoder=dict(type=TapUpsampler, channels=16, tap_channels=(8, 4), out_channels=(16, 16)),
    **shared,
)
""",
}


def write_config(folder: Path, kind: str, vocabulary: str = OWN_VOCABULARY) -> Path:
    """`<folder>/<kind>.py`, a whole config of `catseg` or `escnet`."""
    path = folder / f"{kind}.py"
    path.write_text(HEAD.replace("{vocabulary}", vocabulary) + MODELS[kind])
    return path


def tiny_predictor(folder: Path, kind: str) -> SemanticPredictor:
    """A predictor of such a config; no parameter is left at zero, where it would hide what it does."""
    torch.manual_seed(3)
    path = write_config(folder, kind)
    predictor = SemanticPredictor.from_pretrained(path, weights="none", device="cpu")
    with torch.no_grad():
        for name, parameter in predictor.model.named_parameters():
            if "readouts" in name or "padding" in name:
                torch.nn.init.normal_(parameter, std=0.3)
    return predictor
