"""What all promptable segmentors share: batches of prompts, targets, decoding, post-processing."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, ClassVar, TypeVar

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.freezing import FrozenParts
from ovsam.models.outputs import DecoderOutput, ImageFeatures, PromptMasks, RawPrediction
from ovsam.models.segmentors.multimask import multimask_losses
from ovsam.ops.class_ranking import first_best
from ovsam.ops.free_memory import fitting
from ovsam.ops.order import in_order
from ovsam.ops.postprocess import masks_at_original_size
from ovsam.ops.scores import best_classes, keep_classes
from ovsam.structures.offered_names import NUM_RANKED, RANKED
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample

MAX_PROMPTS = 5000
CHUNK_SIZE, LARGEST_CHUNK = 64, 1024  # prompts decoded at once
#: What decoding a prompt takes at its peak: as many float32 maps of the image embedding's size.
MAPS_OF_A_PROMPT = 10

#: Samples of B images, or B per kind of prompts, by kind.
Samples = TypeVar("Samples", list[PromptSample], dict[str, list[PromptSample]])


class PromptSegmentor(FrozenParts, BaseModel):
    """Image and prompts to masks, and to labels where a subclass classifies.

    Args:
        prompt_encoder: `Prompts` to sparse and dense embeddings; has `image_positions()`.
        mask_decoder: see `interfaces.MaskDecoder`.
        data_preprocessor: collated batch to normalised images; has `mean` and `std`.
        max_prompts: prompts per image that prediction accepts at most.
        chunk_size: prompts decoded at once in prediction; the result does not depend on it. None = 64,
            which take about 2.6 GB at full size, on a GPU up to 1,024, as half of its free memory takes.

    Raises:
        ValueError: a limit below 1.
    """

    #: Parts that decide on an image's embedding, None = all: models that share a pass have equal ones.
    image_parts: ClassVar[tuple[str, ...] | None] = None
    #: Parts that make masks of it: models that have the same ones share their masks, too.
    mask_parts: ClassVar[tuple[str, ...]] = ("prompt_encoder", "mask_decoder")
    #: Parts that decide on other image features: models that share a pass have the same ones or none.
    feature_parts: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        prompt_encoder: nn.Module,
        mask_decoder: nn.Module,
        data_preprocessor: nn.Module | None = None,
        max_prompts: int = MAX_PROMPTS,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if max_prompts < 1 or (chunk_size is not None and chunk_size < 1):
            raise ValueError(
                f"max_prompts and chunk_size must be 1 or more, got {max_prompts} and {chunk_size}"
            )
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder
        self.max_prompts = max_prompts
        self.chunk_size = chunk_size
        #: Further classifiers by name: `predict` also ranks their names, see `RANKED`.
        self.offered: dict[str, nn.Module] = {}

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[PromptSample] | dict[str, list[PromptSample]] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """mmengine's entry.

        Args:
            inputs: (B, 3, S, S) normalised and padded.
            data_samples: B samples with prompts; with `gt_instances` for `loss`. For `predict` also B
                per kind of prompts, by kind.
            mode: `loss` -> dict of scalars; `predict` -> the samples with `pred_instances`;
                `tensor` -> `RawPrediction`.
        """
        if data_samples is None:
            raise ValueError(f"mode {mode!r} needs data_samples with prompts")
        modes: dict[str, Any] = {"loss": self.loss, "predict": self.predict, "tensor": self.predict_raw}
        if mode not in modes:
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        return modes[mode](inputs, data_samples)

    @abstractmethod
    def loss(self, inputs: Tensor, data_samples: list[PromptSample]) -> dict[str, Tensor]:
        """Losses of a batch, () each."""

    @abstractmethod
    def encode(self, inputs: Tensor) -> ImageFeatures:
        """Everything of images (B, 3, S, S) that does not depend on a prompt."""

    @torch.no_grad()
    def completed(self, features: ImageFeatures) -> ImageFeatures:
        """Features that a model with the same `image_parts` encoded, with what this one reads beside."""
        return features

    @torch.no_grad()
    def predict_masks(
        self, features: ImageFeatures, data_samples: list[PromptSample], multimask: bool = False
    ) -> PromptMasks:
        """Masks for all prompts of B encoded images, in the order of the samples; see `chosen_masks`."""
        prompts = self.batch_prompts(data_samples, features.inputs.device)
        output = self.decode(features.embeddings, prompts, self.prompts_at_once(features, len(prompts)))
        return self.chosen_masks(output, prompts, multimask)

    def prompts_at_once(self, features: ImageFeatures, num_prompts: int) -> int:
        """How many of the prompts to decode at once."""
        if self.chunk_size is not None:
            return self.chunk_size
        if num_prompts <= CHUNK_SIZE:
            return CHUNK_SIZE  # asking a GPU for its memory takes time
        map_bytes = 4 * features.embeddings[0].numel()
        device = features.embeddings.device
        return fitting(MAPS_OF_A_PROMPT * map_bytes, device, CHUNK_SIZE, LARGEST_CHUNK)

    @abstractmethod
    def name_masks(
        self, features: ImageFeatures, data_samples: list[PromptSample], masks: PromptMasks
    ) -> RawPrediction:
        """K masks of the B samples -> K rows, with class log-scores where the method classifies."""

    @torch.no_grad()
    def predict_raw(self, inputs: Tensor, data_samples: list[PromptSample]) -> RawPrediction:
        """Predictions for all prompts of a batch, in the order of the samples."""
        features = self.encode(inputs)
        return self.name_masks(features, data_samples, self.predict_masks(features, data_samples))

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: Samples) -> Samples:
        """Fill `pred_instances` of every sample: masks, and labels and scores where there are any.

        Samples by kind of prompts share the encoded images.
        """
        by_kind = data_samples if isinstance(data_samples, dict) else {"": data_samples}
        self.check_counts(chain(*by_kind.values()))
        features = self.encode(inputs)
        for samples in by_kind.values():
            masks = self.predict_masks(features, samples)
            drawn = drawn_masks(samples, masks, inputs.shape[-1])
            self.fill(samples, drawn, self.name_masks(features, samples, masks))
            for name, classifier in self.offered.items():
                self._rank(name, classifier, features, samples, masks)
        return data_samples

    def check_counts(self, data_samples: Iterable[PromptSample]) -> None:
        """Raise ValueError for a sample with more prompts than `max_prompts`."""
        for sample in data_samples:
            if len(sample.prompts) > self.max_prompts:
                raise ValueError(
                    f"image {sample.get('img_id', '?')} has {len(sample.prompts)} prompts, more than"
                    f" max_prompts={self.max_prompts}; set model.max_prompts"
                )

    def _rank(
        self,
        name: str,
        classifier: nn.Module,
        features: ImageFeatures,
        data_samples: list[PromptSample],
        masks: PromptMasks,
    ) -> None:
        """Set `ranked_<name>` of the samples: (n, 5) int64, the best labels of another classifier."""
        own, self.classifier = self.classifier, classifier
        try:
            logits = self.name_masks(features, data_samples, masks).class_logits
        finally:
            self.classifier = own
        ranked = first_best(logits[:, :-1], NUM_RANKED)[1]
        rows = ranked.split([len(sample.prompts) for sample in data_samples])
        for sample, labels in zip(data_samples, rows, strict=True):
            sample.pred_instances.set_field(labels, RANKED.format(name))

    def fill(
        self, data_samples: list[PromptSample], drawn: Sequence[Tensor], raw: RawPrediction
    ) -> None:
        """Set `pred_instances` of the samples: their `drawn_masks`, named by their rows of `raw`."""
        start = 0
        for sample, masks in zip(data_samples, drawn, strict=True):
            rows = slice(start, start + len(sample.prompts))
            start = rows.stop
            instances = InstanceData()
            instances.masks = masks
            if raw.class_logits is not None:
                instances.labels, instances.scores = best_classes(raw.class_logits[rows])
                if "detections" in sample:  # Open-Vocabulary SAM, table 3, "constrained"
                    vocabulary = self.classifier.vocabulary
                    for name, group in (("base", vocabulary.base), ("novel", vocabulary.novel)):
                        if group:
                            kept = keep_classes(raw.class_logits[rows], group)
                            instances.set_field(best_classes(kept)[0], f"{name}_labels")
            sample.pred_instances = instances

    def batch_prompts(self, data_samples: list[PromptSample], device: torch.device) -> Prompts:
        """Prompts of all samples, each with the index of its image."""
        prompts = Prompts.concatenate(
            [sample.prompts.on_image(index) for index, sample in enumerate(data_samples)]
        )
        # On the meta device there would be no roles to group by.
        return prompts if device.type == "meta" else prompts.to(device)

    def decode(self, embeddings: Tensor, prompts: Prompts, chunk_size: int | None) -> DecoderOutput:
        """Decode N prompts of any lengths, in the frame `resized`, on embeddings (B, C, h, w).

        `chunk_size` prompts are decoded at once; None decodes all of one length together.
        """
        positions = self.prompt_encoder.image_positions()
        # Without prompts the decoder still runs, on none, so that every process takes part in gradients.
        groups = prompts.groups() or [(prompts.image_index[:0], prompts)]
        outputs, order = [], []
        for rows, group in groups:
            for start in range(0, max(len(group), 1), chunk_size or max(len(group), 1)):
                end = start + chunk_size if chunk_size else None
                chunk = group[start:end]
                sparse, dense = self.prompt_encoder(chunk)
                image_index = chunk.image_index.to(embeddings.device)
                outputs.append(self.mask_decoder(embeddings, positions, sparse, dense, image_index))
                order.append(rows[start:end])
        return DecoderOutput(
            # Thresholds, boxes and losses read them in float32 even if the model ran in half precision.
            mask_logits=in_order([output.mask_logits for output in outputs], order).float(),
            quality=_joined([output.quality for output in outputs], order),
            label_tokens=_joined([output.label_tokens for output in outputs], order),
            label_vectors=_joined([output.label_vectors for output in outputs], order),
        )

    def chosen_masks(self, output: DecoderOutput, prompts: Prompts, multimask: bool) -> PromptMasks:
        """The masks that answer N prompts, as in SAM: the N of token 0.

        With `multimask`, those of the other M - 1 tokens, meant for ambiguous prompts: N (M - 1), where
        the masks of a prompt follow each other.
        """
        num_tokens = output.mask_logits.shape[1]
        if not multimask:
            quality = None if output.quality is None else output.quality[:, 0]
            return PromptMasks(output.mask_logits[:, 0], prompts, quality, output.label_vectors)
        if num_tokens < 2:
            raise ValueError(
                "this model's mask decoder gives one mask per prompt; several need a config with"
                " num_mask_tokens=4, such as mini/ovsam_multimask"
            )
        rows = torch.arange(len(prompts), device=prompts.roles.device).repeat_interleave(num_tokens - 1)
        quality = None if output.quality is None else output.quality[:, 1:].flatten()
        label_vectors = output.label_vectors
        if label_vectors is not None:
            # A prompt has one label token, whatever the number of its masks.
            label_vectors = label_vectors.repeat_interleave(num_tokens - 1, dim=0)
        masks = output.mask_logits[:, 1:].flatten(0, 1)  # (N, M - 1, h, w) -> (K, h, w)
        return PromptMasks(masks, prompts[rows], quality, label_vectors)

    def forward_complexity(self, num_prompts: int) -> RawPrediction:
        """One prediction at the model's own input size with box prompts, on any device, also meta."""
        side = self.data_preprocessor.size
        images = torch.zeros(1, 3, side, side, device=next(self.parameters()).device)
        boxes = torch.tensor([[0.25, 0.25, 0.75, 0.75]]).repeat(num_prompts, 1) * side  # (n, 4)
        sample = PromptSample(metainfo={"img_shape": (side, side), "ori_shape": (side, side)})
        sample.prompts = Prompts.from_boxes(boxes, "resized")
        sample.gt_instances = InstanceData(bboxes=boxes)  # `reference_point_box` reads them
        classifier = getattr(self, "classifier", None)
        if classifier is not None:
            _ = classifier.embeddings  # made once per vocabulary, before the image is counted
        return self.predict_raw(images, [sample])

    def mask_losses(
        self, mask_loss: nn.Module, output: DecoderOutput, data_samples: list[PromptSample], side: int
    ) -> dict[str, Tensor]:
        """Losses of mask token 0, further tokens and the quality; targets are `target_masks`."""
        targets = stacked_masks(data_samples, side, output.mask_logits.device)
        counts = [len(sample.prompts) for sample in data_samples]
        seeds = [sample.get("sample_seed", 0) for sample in data_samples]
        losses = mask_loss(output.mask_logits[:, 0], targets, counts=counts, seeds=seeds)
        return losses | multimask_losses(mask_loss, output, targets, counts, seeds)


def drawn_masks(data_samples: list[PromptSample], masks: PromptMasks, side: int) -> list[Tensor]:
    """Of each of B samples, its masks (n, H, W) bool, original; `side` S px, of the model's input."""
    parts = masks.mask_logits.split([len(sample.prompts) for sample in data_samples])
    return [
        masks_at_original_size(logits, side, sample.img_shape[:2], sample.ori_shape[:2])
        for sample, logits in zip(data_samples, parts, strict=True)
    ]


def stacked_masks(data_samples: list[PromptSample], side: int, device: torch.device) -> Tensor:
    """Target masks of all prompts over the padded square, (N, S, S) bool."""
    padded = []
    for sample in data_samples:
        masks = torch.as_tensor(sample.target_masks, device=device)
        if len(masks) != len(sample.prompts):
            raise ValueError(
                f"image {sample.get('img_id', '?')} has {len(sample.prompts)} prompts and"
                f" {len(masks)} target masks; row i must be the target of prompt i"
            )
        height, width = masks.shape[-2:]
        padded.append(F.pad(masks, (0, side - width, 0, side - height)))  # (n, h, w) -> (n, S, S)
    return torch.cat(padded)


def _joined(parts: list[Tensor | None], rows: list[Tensor]) -> Tensor | None:
    tensors = [part for part in parts if part is not None]
    return in_order(tensors, rows) if tensors else None
