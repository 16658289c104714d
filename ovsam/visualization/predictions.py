"""Pictures of predictions: image, ground truth, prompts and prediction side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovsam.structures.prompts import Role
from ovsam.structures.sample import PromptSample
from ovsam.visualization.overlays import SIDE, Objects, draw_objects, panel

UNKNOWN = "?"


@dataclass(frozen=True)
class Picture:
    """One drawn sample.

    Attributes:
        image: (h, w, 3) uint8 RGB.
        text: what it shows, in words, for those who cannot see it.
        num_right: objects whose name is right.
        num_wrong: objects whose name is wrong; both 0 for methods that only segment.
    """

    image: np.ndarray
    text: str
    num_right: int
    num_wrong: int


def draw_predictions(
    image: np.ndarray, sample: PromptSample, names: Sequence[str], side: int = SIDE
) -> Picture:
    """Draw one predicted sample.

    Args:
        image: (H, W, 3) uint8 RGB, original frame.
        sample: with `prompts` (resized frame), `gt_instances` (`labels`, `original_masks`),
            `pred_instances` and `scale_factor`.
        names: display name of each label.
        side: px of the longer side of each of the four panels.
    """
    true_labels = np.asarray(sample.gt_instances.labels.cpu())
    true_names = [_name(label, names) for label in true_labels]
    labels = sample.pred_instances.get("labels")
    predicted = None if labels is None else np.asarray(labels.cpu())
    is_right = None if predicted is None else list(predicted == true_labels)
    predicted_names = None if predicted is None else [_name(label, names) for label in predicted]
    boxes, points = prompts_in_original(sample)
    truth = Objects(masks=_masks(sample.gt_instances.original_masks), names=true_names)
    prediction = Objects(
        masks=_masks(sample.pred_instances.masks), names=predicted_names, is_right=is_right
    )
    parts = (Objects(), truth, Objects(boxes=boxes, points=points), prediction)
    drawn = [draw_objects(image, objects, side) for objects in parts]
    kind = "boxes" if np.isfinite(boxes).any() else "points"
    titles = ("image", "ground truth", f"prompts ({kind})", "prediction")
    num_right = 0 if is_right is None else sum(map(bool, is_right))
    return Picture(
        image=panel(drawn, titles),
        text=_describe(true_names, predicted_names, kind),
        num_right=num_right,
        num_wrong=0 if is_right is None else len(is_right) - num_right,
    )


def prompts_in_original(sample: PromptSample) -> tuple[np.ndarray, list[np.ndarray]]:
    """Boxes and clicks of a sample's prompts.

    Returns:
        boxes (n, 4) xyxy px, original, NaN where a prompt has none; n arrays (k, 3) of x, y px,
        original, and 1 for a positive, 0 for a negative click.
    """
    scale_x, scale_y = (1 / factor for factor in sample.scale_factor[:2])
    prompts = sample.prompts.to("cpu").scaled((scale_x, scale_y), "original")
    clicks = []
    for coordinates, roles in zip(prompts.coordinates.numpy(), prompts.roles.numpy(), strict=True):
        is_click = np.isin(roles, [Role.POSITIVE, Role.NEGATIVE])
        clicks.append(np.column_stack([coordinates[is_click], roles[is_click]]))
    return prompts.boxes().numpy(), clicks


def _masks(masks: object) -> np.ndarray:
    return np.asarray(masks.cpu() if hasattr(masks, "cpu") else masks, dtype=bool)


def _name(label: int, names: Sequence[str]) -> str:
    return names[label] if 0 <= label < len(names) else UNKNOWN


def _describe(true_names: Sequence[str], predicted_names: Sequence[str] | None, kind: str) -> str:
    if predicted_names is None:
        return f"{len(true_names)} objects segmented from {kind}: {', '.join(true_names)}"
    pairs = [
        f"{true} named {'rightly' if true == said else said}"
        for true, said in zip(true_names, predicted_names, strict=True)
    ]
    return f"{len(pairs)} objects from {kind}: {'; '.join(pairs)}"
