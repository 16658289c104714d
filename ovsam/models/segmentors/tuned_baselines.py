"""The baselines with adapters: SAM's mask decoder and small parts learn, both encoders stay frozen.

Source: Yuan et al., Open-Vocabulary SAM, main table ("+ Adapter1" to "+ Adapter3") and table 1 ("+
CoOp"). The losses and prompts are CLIP2SAM's, because no source names others.
"""

from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor, nn

from ovsam.models.outputs import ImageFeatures, PromptMasks
from ovsam.models.segmentors import class_scores
from ovsam.models.segmentors.clip_regions import Regions
from ovsam.models.segmentors.crop_baselines import CropBaseline
from ovsam.registry import MODELS, passes_options_to
from ovsam.structures.sample import PromptSample


@MODELS.register_module()
@passes_options_to(CropBaseline)
class TunedCropBaseline(CropBaseline):
    """A `CropBaseline` that trains on annotations of the base classes.

    The mask decoder always trains, and with it the adapters that are given: the classifier's context
    (Adapter1), convolutions along CLIP (Adapter2), convolutions along SAM with their part of the vector
    of a region (Adapter3). In training the region is the ground-truth box, as in Open-Vocabulary SAM.

    Args:
        clip_adapter: `adapters.clip_adapter.ClipConvAdapter`, or None.
        sam_adapter: `adapters.sam_adapter.SamConvAdapter`, or None.
        region_residual: `adapters.region_residual.RegionResidual`, or None.
        mask_loss, class_loss: needed in training only.
        train_vocabulary: names in the softmax of training.
        options: those of `CropBaseline`; all encoders are frozen, the classifier's too.

    Raises:
        ValueError: an adapter along CLIP, but `vectors` does not read the adapted maps.
    """

    always_frozen: ClassVar[tuple[str, ...]] = ("image_encoder", "backbone", "prompt_encoder")
    # CLIP's adapter changes what others would read as CLIP's maps.
    image_parts: ClassVar[tuple[str, ...]] = (*CropBaseline.image_parts, "sam_adapter", "clip_adapter")
    wiring: ClassVar[dict[str, tuple[str, ...]]] = {
        **CropBaseline.wiring,
        "clip_adapter": ("backbone",),
        "sam_adapter": ("image_encoder",),
        "region_residual": ("image_encoder", "backbone"),
    }

    def __init__(
        self,
        *,
        clip_adapter: nn.Module | None = None,
        sam_adapter: nn.Module | None = None,
        region_residual: nn.Module | None = None,
        mask_loss: nn.Module | None = None,
        class_loss: nn.Module | None = None,
        train_vocabulary: class_scores.TrainVocabulary = "all",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if clip_adapter is not None and not self.vectors.reads_feature_maps:
            raise ValueError(
                "clip_adapter changes CLIP's maps, but model.vectors does not read them: set it to"
                " FeatureCrop with clip_normalisation=False"
            )
        class_scores.check_train_vocabulary(train_vocabulary)
        self.clip_adapter = clip_adapter
        self.sam_adapter = sam_adapter
        self.region_residual = region_residual
        self.mask_loss = mask_loss
        self.class_loss = class_loss
        self.train_vocabulary = train_vocabulary
        if self.classifier.text_encoder is not None:
            self.freeze_parts("classifier.text_encoder")

    def embed_images(self, inputs: Tensor) -> tuple[Tensor, list[Tensor] | None]:
        """As `CropBaseline.embed_images`, with the adapters."""
        maps = self.clip_maps(inputs) if self.vectors.reads_feature_maps else None
        return self.image_encoder(inputs, adapter=self.sam_adapter), maps

    def clip_maps(self, inputs: Tensor) -> list[Tensor]:
        """As `CropBaseline.clip_maps`, with CLIP's adapter."""
        return self.backbone(inputs, adapter=self.clip_adapter)

    def region_vectors(self, regions: Regions, embeddings: Tensor) -> Tensor:
        """CLIP's vectors, plus the `region_residual` of SAM's embedding if there is one."""
        vectors = super().region_vectors(regions, embeddings)
        if self.region_residual is None:
            return vectors
        stride = regions.images.shape[-1] / embeddings.shape[-1]
        boxes = regions.boxes(self.vectors.box)
        return vectors + self.region_residual(embeddings, stride, boxes, regions.image_index)

    def loss(self, inputs: Tensor, data_samples: list[PromptSample]) -> dict[str, Tensor]:
        """`loss_mask`, `loss_dice` and `loss_cls`."""
        prompts = self.batch_prompts(data_samples, inputs.device)
        features = ImageFeatures(inputs, *self.embed_images(inputs))
        output = self.decode(features.embeddings, prompts, chunk_size=None)
        losses = self.mask_losses(self.mask_loss, output, data_samples, inputs.shape[-1])
        masks = PromptMasks(output.mask_logits[:, 0].detach(), prompts)
        regions = Regions.of_masks(features, data_samples, self.data_preprocessor, masks)
        boxes, labels = class_scores.true_regions(data_samples, inputs.device)
        regions = replace(regions, mask_boxes=boxes, prompt_boxes=boxes)
        vectors = self.region_vectors(regions, features.embeddings)
        logits = class_scores.train_logits(self.classifier, vectors, labels, self.train_vocabulary)
        losses["loss_cls"] = self.class_loss(logits, labels)
        return losses
