"""Encoder and decoder of a model as modules of plain tensors, without branches on their content."""

import torch
from torch import Tensor, nn

from ovsam.models.decoders.region_head import RegionHead
from ovsam.models.segmentors.clip_regions import FeatureCrop
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.models.text.class_embeddings import class_logits
from ovsam.ops.roi import aligned_regions, assign_levels, boxes_of_masks
from ovsam.ops.scores import ABSENT_LOG_SCORE, fuse_log_scores
from ovsam.structures.prompts import Role

ENCODER, DECODER = "encoder", "decoder"
DECODER_INPUTS = ("coordinates", "roles", "text", "base", "novel")  # after the encoder's outputs
DECODER_OUTPUTS = ("mask_logits", "class_logits")


class ExportError(ValueError):
    """A model that this export does not cover, or an export that is not equal to the model."""


class ExportableEncoder(nn.Module):
    """The part of an exportable model that does not depend on prompts."""

    def __init__(self, model: OpenVocabSam) -> None:
        super().__init__()
        self.backbone, self.neck, self.pyramid = model.backbone, model.neck, model.pyramid

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        levels = () if self.pyramid is None else range(len(self.pyramid.strides))
        return "embedding", "feature_map", *(f"pyramid_{level}" for level in levels)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, S, S) normalised -> the outputs, (1, C, h, w) each."""
        maps = self.backbone(image)
        pyramid = () if self.pyramid is None else self.pyramid(maps)
        return self.neck(maps), maps[-1], *pyramid


class ExportableDecoder(nn.Module):
    """Prompts and text embeddings to mask logits and class scores.

    The arithmetic is that of `OpenVocabSam.predict_masks` and `name_masks` for one picture and its mask
    token 0; written without branches on what a tensor holds. `check_exportable` says which models fit.
    """

    def __init__(self, model: OpenVocabSam) -> None:
        super().__init__()
        self.prompt_encoder, self.mask_decoder = model.prompt_encoder, model.mask_decoder
        self.region_head, self.backbone = model.region_head, model.backbone
        self.fusion, self.roi_box = model.fusion, model.roi_box
        self.side = model.data_preprocessor.size
        self.logit_scale = model.classifier.logit_scale

    def forward(
        self,
        embedding: Tensor,
        feature_map: Tensor,
        pyramid: list[Tensor],
        coordinates: Tensor,
        roles: Tensor,
        text: Tensor,
        base: Tensor,
        novel: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Decode N prompts of T tokens.

        Args:
            embedding, feature_map, pyramid: the encoder's outputs.
            coordinates: (N, T, 2) xy px, resized.
            roles: (N, T) int64, see `structures.prompts.Role`; none absent.
            text: (C, P, D) text embeddings of unit length.
            base, novel: (C + 1,) bool, the groups' columns; the last is background.

        Returns:
            Mask logits (N, h, w) over the padded square, and log-scores (N, C + 1).
        """
        sparse, dense = self._encoded_prompts(coordinates, roles)
        first = torch.zeros_like(roles[:, 0])  # every prompt is on image 0
        positions = self.prompt_encoder.image_positions()
        mask_logits = self.mask_decoder(embedding, positions, sparse, dense, first).mask_logits[:, 0]
        cell_size = self.side / mask_logits.shape[-1]
        mask_boxes = boxes_of_masks(mask_logits > 0, cell_size)
        boxes = {"mask": mask_boxes, "prompt": _boxes(coordinates, roles, mask_boxes)}
        head = clip = None
        if self.region_head is not None:
            vectors = self._head_vectors(pyramid, boxes[self.roi_box], first)
            head = class_logits(vectors, text, self.logit_scale)
        if self.fusion is not None:
            vectors = self.backbone.embed_regions(
                [feature_map], boxes[self.fusion.vectors.box], mask_logits, first
            )
            clip = class_logits(vectors, text, self.logit_scale)
        scores = self._scores(head, clip, mask_logits, feature_map, base, novel)
        is_background = torch.arange(base.shape[0], device=base.device) == base.shape[0] - 1
        return mask_logits, torch.where(base | novel | is_background, scores, ABSENT_LOG_SCORE)

    def _encoded_prompts(self, coordinates: Tensor, roles: Tensor) -> tuple[Tensor, Tensor]:
        """As `PromptEncoder.forward`."""
        encoder = self.prompt_encoder
        positions = encoder.pe_layer.forward_with_coords(coordinates + 0.5, encoder.input_image_size)
        embeddings = torch.cat(
            [encoder.not_a_point_embed.weight, *(e.weight for e in encoder.point_embeddings)]
        )
        sparse = positions * (roles != Role.PADDING)[..., None] + embeddings[roles + 1]
        return sparse, encoder._dense(None)

    def _head_vectors(self, pyramid: list[Tensor], boxes: Tensor, image_index: Tensor) -> Tensor:
        """As `RegionHead.forward`: every level is read for every box, then one is taken."""
        head: RegionHead = self.region_head
        levels = assign_levels(boxes, len(pyramid), head.finest_scale)
        regions = torch.zeros_like(boxes[:, 0])[:, None, None, None]
        for level, (features, stride) in enumerate(zip(pyramid, head.strides, strict=True)):
            found = aligned_regions(features, boxes, image_index, head.roi_size, stride)
            regions = torch.where((levels == level)[:, None, None, None], found, regions)
        return head.projection(regions).relu().mean(dim=(2, 3))

    def _scores(
        self,
        head: Tensor | None,
        clip: Tensor | None,
        mask_logits: Tensor,
        feature_map: Tensor,
        base: Tensor,
        novel: Tensor,
    ) -> Tensor:
        """As `OpenVocabSam._class_logits` and `ClipFusion.clip_weights`; (N, C + 1)."""
        if head is None or clip is None:
            alone = clip if head is None else head
            assert alone is not None
            return alone.log_softmax(dim=1)
        weights = base * self.fusion.base_weight + novel * self.fusion.novel_weight
        weights = torch.cat([weights[:-1], torch.full_like(weights[:1], self.fusion.base_weight)])
        if self.fusion.skips_empty_masks:
            cells = nn.functional.interpolate(
                mask_logits[:, None], feature_map.shape[-2:], mode="bilinear", align_corners=False
            )
            weights = weights * (cells > 0).flatten(1).any(dim=1, keepdim=True)  # (N, C + 1)
        return fuse_log_scores(head, clip, weights)


def check_exportable(model: nn.Module) -> None:
    """Raises:
    ExportError: a model whose decoder needs the picture again, or that does not name its masks.
    """
    if not isinstance(model, OpenVocabSam) or model.classifier is None:
        raise ExportError(f"only OpenVocabSam with a classifier is exported, got {type(model).__name__}")
    if model.fusion is not None:
        vectors = model.fusion.vectors
        if not isinstance(vectors, FeatureCrop) or vectors.clip_normalisation:
            raise ExportError(
                "this model's fusion reads the picture for every prompt; export one with FeatureCrop on"
                " the model's own normalisation"
            )


def _boxes(coordinates: Tensor, roles: Tensor, instead: Tensor) -> Tensor:
    """(N, 4): the prompts' boxes, `instead` where they have none."""
    corners = [
        (coordinates * (roles == role)[..., None]).sum(dim=1)  # (N, T, 2) -> (N, 2)
        for role in (Role.TOP_LEFT, Role.BOTTOM_RIGHT)
    ]
    has_box = (roles == Role.TOP_LEFT).any(dim=1, keepdim=True)
    return torch.where(has_box, torch.cat(corners, dim=1), instead)
