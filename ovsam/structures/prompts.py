"""Prompts: what a user points at, for any number of images at once.

Every prompt is a row of tokens, as in SAM: coordinates with their roles. A box is two tokens (its two
corners), a click is one, so boxes, clicks and both together share one representation and one batch.

Source: Kirillov et al., Segment Anything, section 3, "Prompt encoder".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.interfaces import Frame


class Role(IntEnum):
    """What a coordinate means. The values 0 to 3 are SAM's own point labels."""

    ABSENT = -2  # fills a row up to the longest one; never reaches the decoder
    PADDING = -1  # SAM's "not a point", put after clicks that come without a box
    NEGATIVE = 0
    POSITIVE = 1
    TOP_LEFT = 2
    BOTTOM_RIGHT = 3


@dataclass(frozen=True)
class Prompts:
    """N prompts.

    Attributes:
        coordinates: (N, T, 2) float32, xy px in `frame`.
        roles: (N, T) int64, values of `Role`.
        image_index: (N,) int64, which image of the batch each prompt belongs to.
        frame: `original` or `resized`.
        masks: (N, 1, h, w) float32 mask logits given as a prompt, on SAM's mask-input grid, or None.
    """

    coordinates: Tensor
    roles: Tensor
    image_index: Tensor
    frame: Frame
    masks: Tensor | None = None

    def __post_init__(self) -> None:
        num, length = self.roles.shape if self.roles.ndim == 2 else (-1, -1)
        if self.coordinates.shape != (num, length, 2):
            raise ValueError(
                f"coordinates must be (N, T, 2) and roles (N, T), got {tuple(self.coordinates.shape)}"
                f" and {tuple(self.roles.shape)}"
            )
        if self.image_index.shape != (num,):
            raise ValueError(f"image_index must be ({num},), got {tuple(self.image_index.shape)}")
        if self.frame not in ("original", "resized"):
            raise ValueError(f"frame must be 'original' or 'resized', got {self.frame!r}")
        if self.masks is not None and (self.masks.ndim != 4 or len(self.masks) != num):
            raise ValueError(f"masks must be ({num}, 1, h, w), got {tuple(self.masks.shape)}")

    @classmethod
    def from_boxes(cls, boxes: Tensor, frame: Frame, image_index: Tensor | None = None) -> "Prompts":
        """One prompt per box (N, 4) xyxy px in `frame`; `image_index` (N,) int64 is 0 if left out.

        Raises:
            ValueError: wrong shape, a coordinate that is not finite, or a box without area.
        """
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"boxes must be (N, 4) xyxy, got {tuple(boxes.shape)}")
        boxes = boxes.to(torch.float32)
        if not torch.isfinite(boxes).all():
            raise ValueError("boxes hold a coordinate that is not finite")
        empty = (boxes[:, 2:] <= boxes[:, :2]).any(dim=1)
        if empty.any():
            row = int(empty.nonzero()[0])
            raise ValueError(f"box {row} has no area: xyxy = {boxes[row].tolist()}")
        roles = torch.tensor([Role.TOP_LEFT, Role.BOTTOM_RIGHT], device=boxes.device)
        return cls(
            coordinates=boxes.reshape(-1, 2, 2),  # (N, 4) -> (N, 2, 2)
            roles=roles.expand(len(boxes), 2),
            image_index=_index_or_zeros(image_index, boxes),
            frame=frame,
        )

    @classmethod
    def from_points(
        cls,
        points: Tensor,
        frame: Frame,
        labels: Tensor | None = None,
        image_index: Tensor | None = None,
    ) -> "Prompts":
        """One prompt per row of clicks (N, P, 2) xy px in `frame`; `image_index` as in `from_boxes`.

        `labels` (N, P) are 1 = positive or 0 = negative, 1 if left out.

        Raises:
            ValueError: wrong shape, a coordinate that is not finite, or a label other than 0 and 1.
        """
        if points.ndim != 3 or points.shape[2] != 2:
            raise ValueError(f"points must be (N, P, 2) xy, got {tuple(points.shape)}")
        if not torch.isfinite(points).all():
            raise ValueError("points hold a coordinate that is not finite")
        num, count = points.shape[:2]
        if labels is None:
            labels = torch.ones(num, count, dtype=torch.int64, device=points.device)
        if labels.shape != (num, count) or not torch.isin(labels, labels.new_tensor([0, 1])).all():
            raise ValueError(f"labels must be ({num}, {count}) of 0 and 1")
        # SAM appends one "not a point" token to clicks that come without a box.
        return cls(
            coordinates=F.pad(points.to(torch.float32), (0, 0, 0, 1)),
            roles=F.pad(labels.to(torch.int64), (0, 1), value=Role.PADDING),
            image_index=_index_or_zeros(image_index, points),
            frame=frame,
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Prompts"]) -> "Prompts":
        """All prompts of `parts` in order; shorter rows are filled with `Role.ABSENT`."""
        if not parts:
            raise ValueError("nothing to concatenate")
        frames = {part.frame for part in parts}
        if len(frames) > 1:
            raise ValueError(f"frames differ: {sorted(frames)}")
        with_masks = {part.masks is not None for part in parts}
        if len(with_masks) > 1:
            raise ValueError("some parts have mask prompts and some have none")
        longest = max(part.roles.shape[1] for part in parts)
        gaps = [(part, longest - part.roles.shape[1]) for part in parts]
        masks = [part.masks for part in parts if part.masks is not None]
        return cls(
            coordinates=torch.cat([F.pad(part.coordinates, (0, 0, 0, gap)) for part, gap in gaps]),
            roles=torch.cat([F.pad(part.roles, (0, gap), value=Role.ABSENT) for part, gap in gaps]),
            image_index=torch.cat([part.image_index for part in parts]),
            frame=parts[0].frame,
            masks=torch.cat(masks) if masks else None,
        )

    def __len__(self) -> int:
        return len(self.roles)

    def __getitem__(self, rows: Tensor | slice) -> "Prompts":
        """The prompts of `rows` (indices, a bool mask or a slice), in that order."""
        return self._each(lambda tensor: tensor[rows])

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Prompts":
        """The same prompts on `device`."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def on_image(self, index: int) -> "Prompts":
        """The same prompts, all belonging to image `index` of a batch."""
        return replace(self, image_index=torch.full_like(self.image_index, index))

    def scaled(self, scale_xy: tuple[float, float], frame: Frame) -> "Prompts":
        """Coordinates times `scale_xy` (x, y), now in `frame`."""
        return replace(
            self, coordinates=self.coordinates * self.coordinates.new_tensor(scale_xy), frame=frame
        )

    def boxes(self) -> Tensor:
        """(N, 4) xyxy px; rows of prompts without a box are NaN."""
        boxes = self.coordinates.new_full((len(self), 2, 2), float("nan"))
        for column, role in enumerate((Role.TOP_LEFT, Role.BOTTOM_RIGHT)):
            rows, tokens = (self.roles == role).nonzero(as_tuple=True)
            boxes[rows, column] = self.coordinates[rows, tokens]
        return boxes.reshape(-1, 4)  # (N, 2, 2) -> (N, 4)

    def has_box(self) -> Tensor:
        """(N,) bool."""
        return (self.roles == Role.TOP_LEFT).any(dim=1)

    def groups(self) -> list[tuple[Tensor, "Prompts"]]:
        """Groups of equal length, without absent tokens: [(indices (n,), n prompts)], shortest first.

        SAM's decoder has no token mask, so prompts of different lengths are decoded separately.
        """
        lengths = (self.roles != Role.ABSENT).sum(dim=1)
        found = []
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero().flatten()
            group = self[rows]
            coordinates, roles = group.coordinates[:, :length], group.roles[:, :length]
            found.append((rows, replace(group, coordinates=coordinates, roles=roles)))
        return found

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Prompts":
        return replace(
            self,
            coordinates=change(self.coordinates),
            roles=change(self.roles),
            image_index=change(self.image_index),
            masks=None if self.masks is None else change(self.masks),
        )


def _index_or_zeros(image_index: Tensor | None, like: Tensor) -> Tensor:
    if image_index is None:
        return torch.zeros(len(like), dtype=torch.int64, device=like.device)
    return image_index
