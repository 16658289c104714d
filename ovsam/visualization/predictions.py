"""Pictures of predictions: image, ground truth, prompts and prediction side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ovsam.structures.prompts import Role
from ovsam.structures.sample import PromptSample
from ovsam.visualization.overlays import SIDE, Objects, draw_objects, panel

UNKNOWN = "?"


@dataclass(frozen=True)
class Picture:
    """One drawn sample."""

    image: np.ndarray  # (h, w, 3) uint8 RGB
    text: str  # what it shows, for those who cannot see it
    num_right: int  # objects whose name is right; 0 for methods that only segment
    num_wrong: int


def draw_predictions(
    image: np.ndarray, sample: PromptSample, names: Sequence[str], side: int = SIDE
) -> Picture:
    """Draw one predicted sample as four panels whose longer side has `side` px.

    Args:
        image: (H, W, 3) uint8 RGB, original frame.
        sample: with `prompts` (resized frame), `gt_instances` (`labels`, `original_masks`),
            `pred_instances` and `scale_factor`.
        names: display name of each label.
    """

    def names_of(labels: np.ndarray) -> list[str]:
        return [names[label] if 0 <= label < len(names) else UNKNOWN for label in labels]

    true_labels = _array(sample.gt_instances.labels)
    true_names = names_of(true_labels)
    predicted_names, is_right = None, None
    if "labels" in sample.pred_instances:
        predicted = _array(sample.pred_instances.labels)
        predicted_names, is_right = names_of(predicted), list(predicted == true_labels)
    boxes, points = prompts_in_original(sample)
    truth = Objects(masks=_array(sample.gt_instances.original_masks, bool), names=true_names)
    masks = _array(sample.pred_instances.masks, bool)
    prediction = Objects(masks=masks, names=predicted_names, is_right=is_right)
    parts = (Objects(), truth, Objects(boxes=boxes, points=points), prediction)
    kind = "boxes" if np.isfinite(boxes).any() else "points"
    titles = ("image", "ground truth", f"prompts ({kind})", "prediction")
    return Picture(
        image=panel([draw_objects(image, objects, side) for objects in parts], titles),
        text=_describe(true_names, predicted_names, kind),
        num_right=sum(map(bool, is_right or ())),
        num_wrong=sum(not right for right in is_right or ()),
    )


def prompts_in_original(sample: PromptSample) -> tuple[np.ndarray, list[np.ndarray]]:
    """Boxes (n, 4) xyxy px, original, NaN where a prompt has none, and clicks of a sample's prompts.

    The clicks are n arrays (k, 3) of x, y px, original, and 1 for a positive, 0 for a negative one.
    """
    scale_x, scale_y = (1 / factor for factor in sample.scale_factor[:2])
    prompts = sample.prompts.to("cpu").scaled((scale_x, scale_y), "original")
    clicks = []
    for coordinates, roles in zip(prompts.coordinates.numpy(), prompts.roles.numpy(), strict=True):
        is_click = np.isin(roles, [Role.POSITIVE, Role.NEGATIVE])
        clicks.append(np.column_stack([coordinates[is_click], roles[is_click]]))
    return prompts.boxes().numpy(), clicks


def _array(values: Any, dtype: Any = None) -> np.ndarray:
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values, dtype=dtype)


def _describe(true_names: Sequence[str], predicted_names: Sequence[str] | None, kind: str) -> str:
    if predicted_names is None:
        return f"{len(true_names)} objects segmented from {kind}: {', '.join(true_names)}"
    pairs = [
        f"{true} named {'rightly' if true == said else said}"
        for true, said in zip(true_names, predicted_names, strict=True)
    ]
    return f"{len(pairs)} objects from {kind}: {'; '.join(pairs)}"
