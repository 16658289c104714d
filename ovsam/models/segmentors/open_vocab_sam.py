"""Open-Vocabulary SAM: prompts to masks and to labels from any vocabulary.

Source: Yuan et al., Open-Vocabulary SAM, section 3.3 and its released configuration. Differs in that
frozen CLIP reads the predicted mask's box for click prompts (the released code reads the unscaled
ground-truth box: `reference_point_box`), and in that batches may hold several images.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ovsam.interfaces import RoiBox
from ovsam.models.outputs import DecoderOutput, ImageFeatures, PromptMasks, RawPrediction
from ovsam.models.segmentors import class_scores
from ovsam.models.segmentors.base import CHUNK_SIZE, PromptSegmentor
from ovsam.models.segmentors.clip_regions import ClipFusion, Regions, embed_in_chunks
from ovsam.ops.scores import class_columns, fuse_log_scores, keep_classes
from ovsam.registry import MODELS, passes_options_to
from ovsam.structures.sample import PromptSample


@MODELS.register_module()
@passes_options_to(PromptSegmentor)
class OpenVocabSam(PromptSegmentor):
    """One frozen CLIP encoder for masks and labels.

    CLIP's pyramid goes through the SAM2CLIP neck to the mask decoder, and through the feature pyramid to
    the region head. In training the head reads the ground-truth box, in prediction the `roi_box`. In
    place of pyramid and region head, the decoder's label token may classify ("class token"), alone or
    with CLIP's vector of the region (`label_fusion`). If neither is given, labels come from `fusion`'s
    CLIP vector alone ("SAM2CLIP only"). Without `classifier` there are only masks.

    Args:
        backbone: image encoder with `embed_regions` and `embed_crops`; frozen.
        neck: feature maps -> (B, C, h, w); frozen unless `train_neck`.
        pyramid: feature maps -> feature maps of one width.
        region_head: maps of the pyramid and boxes -> (N, D).
        label_fusion: label vectors and CLIP's vectors of the same regions -> (N, D).
        classifier: (N, D) -> (N, C + 1); frozen.
        fusion: how CLIP's own vector takes part; None = region head only.
        mask_loss, class_loss: needed in training only; without `mask_loss` only names are learnt, for
            data that have boxes and no masks.
        roi_box: the head's box in prediction: of the predicted `mask` (released), or of the `prompt`
            where it has one (paper).
        train_vocabulary: names in the softmax of training: `all` (released) or `base`.
        decoded_prompts: masks are learnt of so many prompts of a picture, drawn at random, and of the
            others only names, which cost little beside (published: masks of all). Below 1 it is how
            probably a picture has one. A label token learns names of these prompts only.
        cache: a `PictureCache` for what frozen CLIP and neck give for the pictures of a training.
        train_neck: train the neck with the rest, for data without a teacher (not published).
        reference_point_box: for the box of a click prompt, take the ground truth's in original pixels,
            as the released code does (a leak; only to reproduce published numbers).
        options: those of `PromptSegmentor`; the prompt encoder is frozen.
    """

    image_parts: ClassVar[tuple[str, ...]] = ("data_preprocessor", "backbone", "neck")
    feature_parts: ClassVar[tuple[str, ...]] = ("pyramid",)
    wiring: ClassVar[dict[str, tuple[str, ...]]] = {
        "neck": ("backbone",),
        "prompt_encoder": ("neck",),
        "mask_decoder": ("neck", "backbone"),
        "pyramid": ("backbone",),
        "region_head": ("pyramid", "backbone"),
        "label_fusion": ("backbone",),
        "classifier": ("backbone",),
    }

    def __init__(
        self,
        *,
        backbone: nn.Module,
        neck: nn.Module,
        pyramid: nn.Module | None = None,
        region_head: nn.Module | None = None,
        label_fusion: nn.Module | None = None,
        classifier: nn.Module | None = None,
        fusion: ClipFusion | None = None,
        mask_loss: nn.Module | None = None,
        class_loss: nn.Module | None = None,
        roi_box: RoiBox = "mask",
        train_vocabulary: class_scores.TrainVocabulary = "all",
        decoded_prompts: float | None = None,
        cache: Callable[..., list[Tensor]] | None = None,
        train_neck: bool = False,
        reference_point_box: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        label_classifies = getattr(self.mask_decoder, "label_classifies", False)
        has_head = region_head is not None or label_classifies
        if (pyramid is None) != (region_head is None):
            raise ValueError("pyramid and region_head come together: give both or none")
        if region_head is not None and label_classifies:
            raise ValueError(
                "region_head or a label token that classifies, not both: leave out pyramid and"
                " region_head, or set mask_decoder.label_classifies=False"
            )
        if label_fusion is not None and not label_classifies:
            raise ValueError("label_fusion needs mask_decoder.label_classifies=True")
        if classifier is None and has_head:
            raise ValueError("a region_head or a label token that classifies needs a classifier")
        if classifier is not None and not has_head and fusion is None:
            raise ValueError("a classifier needs a region_head, a label that classifies, or a fusion")
        if roi_box not in ("mask", "prompt"):
            raise ValueError(f"roi_box must be 'mask' or 'prompt', got {roi_box!r}")
        class_scores.check_train_vocabulary(train_vocabulary)
        if decoded_prompts is not None:
            is_share = 0 < decoded_prompts < 1
            if not is_share and not (decoded_prompts >= 1 and float(decoded_prompts).is_integer()):
                raise ValueError(
                    f"decoded_prompts must be 1, 2, 3, ... or a share below 1, got {decoded_prompts}"
                )
            if is_share and label_classifies:
                raise ValueError(
                    "a label token learns names of decoded prompts only: set decoded_prompts to 1 or"
                    f" more, or None, got {decoded_prompts}"
                )
        if cache is not None and train_neck:
            raise ValueError("cache keeps what a frozen neck gives: not with train_neck=True")
        self.backbone = backbone
        self.neck = neck
        self.pyramid = pyramid
        self.region_head = region_head
        self.label_fusion = label_fusion
        self.has_head = has_head
        self.classifier = classifier
        self.fusion = fusion
        self.mask_loss = mask_loss
        self.class_loss = class_loss
        self.roi_box = roi_box
        self.train_vocabulary = train_vocabulary
        self.decoded_prompts = decoded_prompts
        self.cache = cache
        self.reference_point_box = reference_point_box
        self.freeze_parts("backbone", "prompt_encoder")
        if not train_neck:
            self.freeze_parts("neck")
        if classifier is not None:
            self.freeze_parts("classifier")

    @property
    def names_by_token(self) -> bool:
        """Whether names come from the decoder's label token, if they are learnt at all."""
        return self.region_head is None

    @property
    def learns_from_decoder(self) -> bool:
        """Whether a loss reads what the mask decoder gives: masks, or a label token that classifies."""
        return self.mask_loss is not None or self.names_by_token

    def loss(self, inputs: Tensor, data_samples: list[PromptSample]) -> dict[str, Tensor]:
        """`loss_mask` and `loss_dice` with a `mask_loss`; `loss_cls` with a head that trains.

        Samples whose `supervision` is not `masks` take no part in the losses of masks.
        """
        features = self._train_features(inputs, data_samples)
        losses: dict[str, Tensor] = {}
        named, masks, label_vectors = data_samples, None, None
        if self.learns_from_decoder:
            decoded = [
                _some_prompts(sample, self.decoded_prompts if self._reads_embeddings([sample]) else 0)
                for sample in data_samples
            ]
            prompts = self.batch_prompts(decoded, inputs.device)
            output = self.decode(features.embeddings, prompts, chunk_size=None)
            if self.mask_loss is not None:
                losses = self._mask_losses(output, decoded, inputs.shape[-1])
            if self.names_by_token:
                named, label_vectors = decoded, output.label_vectors
                masks = output.mask_logits[:, 0].detach()
        if self.has_head:
            boxes, labels = class_scores.true_regions(named, inputs.device)
            counts = torch.tensor([len(sample.prompts) for sample in named], device=inputs.device)
            image_index = torch.arange(len(named), device=inputs.device).repeat_interleave(counts)
            vectors = self._head_vectors(features, label_vectors, boxes, masks, image_index)
            losses["loss_cls"] = class_scores.train_loss(
                self.class_loss,
                self.classifier,
                vectors,
                labels,
                self.train_vocabulary,
                seeds=[sample.get("sample_seed", 0) for sample in named],
            )
        return losses

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> ImageFeatures:
        """CLIP's coarsest map, the neck's embedding and, with a region head, the pyramid."""
        return self._features(inputs)

    @torch.no_grad()
    def completed(self, features: ImageFeatures) -> ImageFeatures:
        """With the maps of the pyramid if there is one."""
        if self.pyramid is None or features.pyramid_maps is not None:
            return features
        return replace(features, pyramid_maps=self.pyramid(self.backbone(features.inputs)))

    @torch.no_grad()
    def name_masks(
        self, features: ImageFeatures, data_samples: list[PromptSample], masks: PromptMasks
    ) -> RawPrediction:
        """Mask logits, and class log-scores where there is a classifier."""
        if self.classifier is None:
            return RawPrediction(masks.mask_logits, quality=masks.quality)
        reads_truth = self.reference_point_box and not bool(masks.prompts.has_box().all())
        click_boxes = _reference_boxes(data_samples) if reads_truth else None
        regions = Regions.of_masks(features, data_samples, self.data_preprocessor, masks, click_boxes)
        head_vectors = None
        if self.has_head:
            where = (regions.boxes(self.roi_box), masks.mask_logits, regions.image_index)
            head_vectors = self._head_vectors(features, masks.label_vectors, *where)
        clip_vectors = None
        if self.fusion is not None:
            size = self.chunk_size or CHUNK_SIZE
            chunks = range(0, max(len(regions), 1), size)
            parts = (regions[start : start + size] for start in chunks)
            clip_vectors = torch.cat([self.fusion.vectors(self.backbone, part) for part in parts])
        head_logits, clip_logits = (
            None if vectors is None else class_scores.classify(self.classifier, vectors)
            for vectors in (head_vectors, clip_vectors)
        )
        return RawPrediction(
            mask_logits=masks.mask_logits,
            class_logits=self._class_logits(head_logits, clip_logits, regions),
            head_logits=head_logits,
            clip_logits=clip_logits,
            quality=masks.quality,
            region_vectors=clip_vectors if head_vectors is None else head_vectors,
        )

    def _features(self, inputs: Tensor) -> ImageFeatures:
        """As `encode`, with gradients except in the backbone."""
        with torch.no_grad():
            feature_maps = self.backbone(inputs)
        return self._with_pyramid(inputs, feature_maps, self.neck(feature_maps))

    def _train_features(self, inputs: Tensor, data_samples: list[PromptSample]) -> ImageFeatures:
        """As `_features`, from the cache if they are kept; no embedding where no loss reads it."""
        reads_embeddings = self._reads_embeddings(data_samples)
        # Pictures with a label only are many and come rarely: they are not kept.
        if self.cache is not None and not all(_is_label(sample) for sample in data_samples):
            maps = self.keep(inputs, data_samples)
        else:
            with torch.no_grad():
                maps = self.backbone(inputs)
            maps = [*maps, self.neck(maps)] if reads_embeddings else maps
        if reads_embeddings:
            *maps, embeddings = maps
        else:  # what the decoder gets where it decodes nothing
            embeddings = self.prompt_encoder.image_positions().expand(len(inputs), -1, -1, -1)
        return self._with_pyramid(inputs, maps, embeddings)

    @torch.no_grad()
    def keep(self, inputs: Tensor, data_samples: list[PromptSample]) -> list[Tensor]:
        """What frozen parts give for images (B, 3, S, S) in training, from the cache or into it."""
        parts = (self.backbone, self.neck) if self._reads_embeddings(data_samples) else (self.backbone,)
        return self.cache(inputs, *parts)

    def _reads_embeddings(self, data_samples: list[PromptSample]) -> bool:
        """Whether a loss of these samples reads what the decoder gives."""
        has_masks = self.mask_loss is not None and any(map(_has_masks, data_samples))
        return has_masks or self.names_by_token

    def _mask_losses(
        self, output: DecoderOutput, decoded: list[PromptSample], side: int
    ) -> dict[str, Tensor]:
        """`mask_losses` of the samples that have masks; with none, zero on this process."""
        has_masks = [_has_masks(sample) for sample in decoded]
        if not all(has_masks):
            counts = torch.tensor([len(sample.prompts) for sample in decoded])
            rows = torch.tensor(has_masks).repeat_interleave(counts).to(output.mask_logits.device)
            output = output[rows]
            decoded = [
                sample if has else _some_prompts(sample, 0)
                for sample, has in zip(decoded, has_masks, strict=True)
            ]
        return self.mask_losses(self.mask_loss, output, decoded, side)

    def _with_pyramid(
        self, inputs: Tensor, feature_maps: list[Tensor], embeddings: Tensor
    ) -> ImageFeatures:
        return ImageFeatures(
            inputs=inputs,
            embeddings=embeddings,
            feature_maps=feature_maps[-1:],
            pyramid_maps=None if self.pyramid is None else self.pyramid(feature_maps),
        )

    def _head_vectors(
        self, features: ImageFeatures, label_vectors: Tensor | None, *regions: Tensor | None
    ) -> Tensor:
        """(N, D) of the head that trains; regions are boxes, mask logits and image index."""
        if self.region_head is not None:
            boxes, _, image_index = regions
            return self.region_head(features.pyramid_maps, boxes, image_index)
        if self.label_fusion is None:
            return label_vectors
        with torch.no_grad():
            clip_vectors = embed_in_chunks(
                self.backbone, features.feature_maps, *regions, chunk_size=self.chunk_size or CHUNK_SIZE
            )
        return self.label_fusion(label_vectors, clip_vectors)

    def _class_logits(
        self, head_logits: Tensor | None, clip_logits: Tensor | None, regions: Regions
    ) -> Tensor:
        """(N, C + 1) log-scores; only base and novel classes can be answered."""
        vocabulary = self.classifier.vocabulary
        if head_logits is None or clip_logits is None:
            alone = head_logits if clip_logits is None else clip_logits
            return keep_classes(alone.float().log_softmax(dim=1), vocabulary.evaluated)
        num_classes, device = len(vocabulary), head_logits.device
        weights = self.fusion.clip_weights(
            class_columns(vocabulary.base, num_classes, device),
            class_columns(vocabulary.novel, num_classes, device),
            regions,
        )
        return keep_classes(fuse_log_scores(head_logits, clip_logits, weights), vocabulary.evaluated)


def _has_masks(sample: PromptSample) -> bool:
    return sample.get("supervision", "masks") == "masks"


def _is_label(sample: PromptSample) -> bool:
    return sample.get("supervision") == "image"


def _some_prompts(sample: PromptSample, number: float | None) -> PromptSample:
    """The sample with `number` of its prompts, drawn from its own seed; itself if it has no more.

    A number below 1 is how probably it has one.
    """
    if number is None or len(sample.prompts) <= int(number):
        return sample
    generator = torch.Generator().manual_seed(sample.get("sample_seed", 0))
    rows = torch.randperm(len(sample.prompts), generator=generator)
    rows = rows[: int(number) if number >= 1 else int(torch.rand((), generator=generator) < number)]
    some = sample.new()
    some.prompts = sample.prompts[rows.to(sample.prompts.roles.device)]
    some.gt_instances = sample.gt_instances[rows]
    if "instance_masks" in sample:
        some.instance_masks = sample.instance_masks
    return some


def _reference_boxes(data_samples: list[PromptSample]) -> Tensor:
    """Ground-truth boxes in original pixels, which the released code reads on the resized map."""
    boxes = []
    for sample in data_samples:
        if "gt_instances" not in sample:
            raise ValueError("reference_point_box reads ground truth, but a sample has none")
        scale_x, scale_y = sample.get("scale_factor", (1.0, 1.0))
        resized = sample.gt_instances.bboxes
        boxes.append(resized / resized.new_tensor([scale_x, scale_y, scale_x, scale_y]))
    return torch.cat(boxes)
