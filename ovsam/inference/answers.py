"""An encoded picture, the answers to prompts on it, and the masks that prompts start from."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ovsam.interfaces import Size
from ovsam.models.outputs import ImageFeatures, PromptMasks, RawPrediction
from ovsam.ops.masks import resize_masks
from ovsam.ops.nms import stability_scores
from ovsam.ops.postprocess import masks_at_original_size
from ovsam.ops.roi import boxes_of_masks
from ovsam.ops.scores import best_classes
from ovsam.structures.hierarchy import Hierarchy
from ovsam.structures.prediction import Prediction
from ovsam.structures.vocabulary import Vocabulary

MAX_MASK_BYTES = 4 << 30  # of one answer
PROMPT_MASK_LOGIT = 10.0  # of a mask given as bool: about the surest that SAM's own masks are


@dataclass(frozen=True)
class EncodedImage:
    """A picture with everything its prompts need; any thread may use it, in any order.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        features: of this one picture.
        img_shape: (h, w) px, resized, without padding.
        scale_xy: resized / original.
    """

    picture: NDArray[np.uint8]
    features: ImageFeatures
    img_shape: Size
    scale_xy: tuple[float, float]

    @property
    def size(self) -> Size:
        """(H, W) px of the picture."""
        return int(self.picture.shape[0]), int(self.picture.shape[1])


def unnamed_masks(masks: PromptMasks, encoded: EncodedImage, num_prompts: int) -> Prediction:
    """The masks in the frame of the picture, without names."""
    side, logits = encoded.features.inputs.shape[-1], masks.mask_logits
    whole = masks_at_original_size(logits, side, encoded.img_shape, encoded.size)
    return Prediction(
        masks=whole.cpu().numpy(),
        boxes=boxes_of_masks(whole).cpu().numpy(),
        prompt_index=np.repeat(np.arange(num_prompts), len(logits) // max(num_prompts, 1)),
        stability=stability_scores(logits).cpu().numpy(),
        mask_logits=logits.float().cpu().numpy(),
        quality=None if masks.quality is None else masks.quality.float().cpu().numpy(),
    )


def named(
    found: Prediction,
    raw: RawPrediction,
    vocabulary: Vocabulary | None,
    top_k: int,
    hierarchy: Hierarchy | None = None,
) -> Prediction:
    """Add names, scores and region vectors to each row, with a hierarchy also groups of names."""
    named: dict[str, Any] = {}
    if vocabulary is not None and raw.class_logits is not None:
        labels, scores = best_classes(raw.class_logits)
        probs = raw.class_logits.float().softmax(dim=1)[:, :-1]
        best = probs.topk(min(top_k, len(vocabulary)), dim=1)
        names = vocabulary.names
        named = {
            "class_names": tuple(names),
            "labels": labels.cpu().numpy(),
            "scores": scores.cpu().numpy(),
            "top": tuple(
                tuple((names[label], prob) for label, prob in zip(*row, strict=True))
                for row in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ),
            "groups": () if hierarchy is None else tuple(hierarchy.best(probs.cpu().numpy())),
        }
    vectors = raw.region_vectors
    embeddings = None if vectors is None else F.normalize(vectors.float(), dim=1).cpu().numpy()
    return replace(found, embeddings=embeddings, **named)


def logits_of_masks(
    masks: Any, num_prompts: int, size: Size, *, img_shape: Size, side: int, grid: tuple[int, ...]
) -> Tensor:
    """The masks that N prompts start from, as the prompt encoder reads them.

    Args:
        masks: (N, h, w) logits of an earlier answer or (N, H, W) bool, original; one may leave out N.
        num_prompts, size: N, and (H, W) px, original.
        img_shape, side: (h, w) px, resized, without padding, and side of the padded input, px.
        grid: (h, w) of the logits.

    Returns:
        (N, 1, h, w); of a bool mask the share of each cell that it covers, as a logit.

    Raises:
        ValueError: another shape, or a logit that is not finite.
    """
    array = masks.detach().cpu().numpy() if isinstance(masks, Tensor) else np.asarray(masks)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    array = array[None] if array.ndim == 2 else array
    is_bool = array.dtype == np.bool_
    if array.shape != (num_prompts, *(size if is_bool else grid)):
        raise ValueError(
            f"masks must be logits ({num_prompts}, {grid[0]}, {grid[1]}) of an earlier answer or"
            f" bool ({num_prompts}, {size[0]}, {size[1]}), got {array.shape} {array.dtype}"
        )
    if is_bool:
        resized = torch.from_numpy(resize_masks(array, img_shape)).float()
        padded = F.pad(resized, (0, side - img_shape[1], 0, side - img_shape[0]))  # -> (N, S, S)
        logits = (F.adaptive_avg_pool2d(padded, grid) * 2 - 1) * PROMPT_MASK_LOGIT
    else:
        logits = torch.from_numpy(array.astype(np.float32))
        if not torch.isfinite(logits).all():
            raise ValueError("masks hold a logit that is not a finite number")
    return logits[:, None]


def check_memory(num_prompts: int, size: Size, num_masks: int, limit: int) -> None:
    """Refuse prompts whose answer would not fit into memory.

    Args:
        num_prompts: in one call; at most `limit`.
        size: (H, W) px of the picture.
        num_masks: of each prompt.

    Raises:
        ValueError: too many.
    """
    if num_prompts > limit:
        raise ValueError(
            f"{num_prompts:,} prompts in one call, at most {limit:,} are allowed; use several calls"
        )
    per_prompt = size[0] * size[1] * num_masks
    if num_prompts * per_prompt > MAX_MASK_BYTES:
        raise ValueError(
            f"{num_prompts:,} prompts on a picture of {size[1]} x {size[0]} px would take"
            f" {num_prompts * per_prompt / 2**30:.1f} GiB of masks; give at most"
            f" {MAX_MASK_BYTES // per_prompt:,} at once"
        )
