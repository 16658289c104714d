"""Tiny models of 64 px input, built as configs build them, and batches of two images."""

import pytest
import torch
from mmengine.structures import InstanceData

from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.decoders.clip2sam import Clip2SamDecoder
from ovsam.models.decoders.region_head import RegionHead
from ovsam.models.decoders.sam_blocks import MaskDecoder
from ovsam.models.losses import ClassificationLoss, GridMaskLoss
from ovsam.models.necks.pyramid import FeaturePyramid
from ovsam.models.necks.sam2clip import Sam2ClipNeck
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.models.segmentors.clip_regions import ClipFusion, FeatureCrop
from ovsam.models.segmentors.crop_baselines import CropBaseline
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.models.segmentors.sam import PromptableSam
from ovsam.models.segmentors.sam2clip import Sam2ClipDistillation
from ovsam.models.segmentors.tuned_baselines import TunedCropBaseline
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.registry import build_model
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample
from ovsam.structures.vocabulary import Vocabulary

SIDE = 64
VOCABULARY = Vocabulary(
    name="six",
    classes=tuple((f"class {i}",) for i in range(6)),
    base=frozenset({0, 1}),
    novel=frozenset({3, 4}),
)


def parts():
    """Config of every part, by name."""
    return {
        "data_preprocessor": dict(type=PromptDataPreprocessor, size=SIDE),
        "backbone": dict(type=ClipImageEncoder, architecture="shapes-rn"),
        "image_encoder": dict(
            type=SamImageEncoder, architecture="mini", image_size=SIDE, embed_dim=16, depth=1,
            num_heads=2, global_attn_indexes=(0,), out_channels=16,
        ),
        "neck": dict(
            type=Sam2ClipNeck, embedding_size=8, target_stride=8, width=16, depth=1, num_heads=2,
            global_indexes=(0,), out_channels=16,
        ),
        "prompt_encoder": dict(type=PromptEncoder, image_size=SIDE, embedding_size=8),
        "mask_decoder": dict(type=Clip2SamDecoder, num_heads=2, mlp_dim=24),
        "sam_decoder": dict(
            type=MaskDecoder, num_mask_tokens=1, predicts_quality=False, num_heads=2, mlp_dim=24
        ),
        "pyramid": dict(type=FeaturePyramid, out_channels=12),
        "region_head": dict(type=RegionHead, roi_size=3, finest_scale=16.0),
        "classifier": dict(type=VocabularyClassifier, vocabulary=VOCABULARY),
        "fusion": dict(type=ClipFusion, vectors=dict(type=FeatureCrop)),
        "mask_loss": dict(type=GridMaskLoss),
        "class_loss": dict(type=ClassificationLoss),
    }  # fmt: skip


def select(*names, **renamed):
    known = parts()
    return {name: known[name] for name in names} | {n: known[source] for n, source in renamed.items()}


OVSAM_PARTS = (
    "data_preprocessor", "backbone", "neck", "prompt_encoder", "mask_decoder", "pyramid", "region_head",
    "classifier", "fusion", "mask_loss", "class_loss",
)  # fmt: skip


def with_embeddings(model):
    generator = torch.Generator().manual_seed(1)
    model.classifier.embeddings_from(torch.randn(6, 2, model.backbone.embed_dim, generator=generator))
    return model


@pytest.fixture
def make():
    """Builds a model by its class name; keyword arguments override the config."""

    def build(kind, **overrides):
        torch.manual_seed(5)
        if kind == "ovsam":
            model = build_model(dict(type=OpenVocabSam, **(select(*OVSAM_PARTS) | overrides)))
            return with_embeddings(model) if model.classifier is not None else model
        if kind == "sam":
            common = select(
                "data_preprocessor",
                "image_encoder",
                "prompt_encoder",
                "mask_loss",
                mask_decoder="sam_decoder",
            )
            return build_model(dict(type=PromptableSam, **(common | overrides)))
        if kind == "crop":
            common = select(
                "data_preprocessor", "image_encoder", "backbone", "prompt_encoder", "classifier",
                mask_decoder="sam_decoder",
            )  # fmt: skip
            return with_embeddings(build_model(dict(type=CropBaseline, **(common | overrides))))
        if kind == "tuned":
            common = select(
                "data_preprocessor", "image_encoder", "backbone", "prompt_encoder", "classifier",
                "mask_loss", "class_loss", mask_decoder="sam_decoder",
            )  # fmt: skip
            return with_embeddings(build_model(dict(type=TunedCropBaseline, **(common | overrides))))
        common = select("data_preprocessor", "backbone", "neck", teacher="image_encoder")
        return build_model(dict(type=Sam2ClipDistillation, **(common | overrides)))

    return build


def make_sample(index, boxes, points=(), img_shape=(48, 64), ori_shape=(75, 100)):
    """One image; `boxes` and then `points` are its prompts, box i or the image's middle the target."""
    sample = PromptSample(
        metainfo=dict(
            img_id=index,
            img_shape=img_shape,
            ori_shape=ori_shape,
            scale_factor=(0.64, 0.64),
            sample_seed=index,
        )
    )
    rows = []
    if len(boxes):
        rows.append(Prompts.from_boxes(torch.tensor(boxes, dtype=torch.float32), "resized"))
    if len(points):
        rows.append(Prompts.from_points(torch.tensor(points)[:, None].float(), "resized"))
    none = Prompts(
        torch.zeros(0, 2, 2), torch.zeros(0, 2, dtype=torch.int64), torch.zeros(0).long(), "resized"
    )
    sample.prompts = Prompts.concatenate(rows) if rows else none
    targets = (
        torch.tensor([*boxes, *([x - 5, y - 5, x + 5, y + 5] for x, y in points)]).reshape(-1, 4).float()
    )
    masks = torch.zeros(len(targets), *img_shape, dtype=torch.bool)
    for mask, (x0, y0, x1, y1) in zip(masks, targets.int().tolist(), strict=True):
        mask[y0:y1, x0:x1] = True
    sample.gt_instances = InstanceData(
        bboxes=targets,
        masks=masks,
        labels=torch.arange(len(targets)) % 2,  # base classes 0 and 1
    )
    return sample


@pytest.fixture(name="make_sample")
def _make_sample():
    return make_sample


@pytest.fixture
def batch():
    """(2, 3, 64, 64) and two samples with 3 and 2 prompts, boxes and points mixed."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(2, 3, SIDE, SIDE, generator=generator)
    images[0, :, 48:] = 0
    images[1, :, :, 40:] = 0
    samples = [
        make_sample(0, [[4, 6, 30, 40], [20, 10, 60, 44]], [[33, 20]]),
        make_sample(1, [[2, 3, 38, 50]], [[12, 40]], img_shape=(64, 40), ori_shape=(128, 80)),
    ]
    return images, samples
