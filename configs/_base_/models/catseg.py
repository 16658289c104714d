"""CAT-Seg with CLIP ViT-B/16 at 384 px; configs of other CLIPs set what differs."""

from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.models.backbones.clip_dense import DenseClip
from ovsam.models.decoders.aggregator import CostAggregator
from ovsam.models.decoders.catseg_decoder import GuidedUpsampler
from ovsam.models.decoders.cost_embedding import CostEmbedding
from ovsam.models.segmentors.catseg import CatSeg
from ovsam.models.semantic_loss import SemanticLoss
from ovsam.models.semantic_preprocessor import SemanticDataPreprocessor

model = dict(
    type=CatSeg,
    data_preprocessor=dict(type=SemanticDataPreprocessor),
    backbone=dict(type=DenseClip, architecture="ViT-B-16", image_size=384, taps=(3, 7)),
    cost_embedding=dict(type=CostEmbedding),
    aggregator=dict(type=CostAggregator, grid=(24, 24), chunk_size=32),
    decoder=dict(type=GuidedUpsampler, chunk_size=16),
    vocabulary=dict(type=get_vocabulary, name="coco_stuff_171"),
    loss=dict(type=SemanticLoss),
)
