"""Predictions as fields of FiftyOne samples. Needs: pip install 'ovsam[fiftyone]'."""

from typing import Any

import numpy as np

from ovsam.structures.prediction import Prediction

UNNAMED = "object"  # label of masks of models that only segment


def to_detections(prediction: Prediction) -> Any:
    """The masks as `fiftyone.Detections`, for example `sample["ovsam"] = to_detections(...)`.

    Returns:
        One detection per mask with pixels: `label`, `bounding_box` (left, top, width, height as shares
        of the picture), `mask` inside that box, `confidence`, and `mask_score`, `prompt` and `top`.

    Raises:
        ModuleNotFoundError: FiftyOne is not installed.
    """
    import fiftyone  # optional: the extra `fiftyone`

    found = detection_fields(prediction)
    rows = [fiftyone.Detection(**fields, mask=mask, **extra) for fields, mask, extra in found]
    return fiftyone.Detections(detections=rows)


def to_segmentation(prediction: Prediction) -> Any:
    """The masks as one `fiftyone.Segmentation`: 0 = nothing, label + 1 elsewhere.

    Raises:
        ModuleNotFoundError: FiftyOne is not installed.
        ValueError: the model only segments.
    """
    import fiftyone  # optional: the extra `fiftyone`

    return fiftyone.Segmentation(mask=semantic_map(prediction))


def detection_fields(prediction: Prediction) -> list[tuple[dict[str, Any], np.ndarray, dict[str, Any]]]:
    """Of each mask with pixels: FiftyOne's own fields, the mask inside its box, further fields."""
    height, width = prediction.size
    found = []
    for row, name in enumerate(prediction.names):
        left, top, right, bottom = (round(value) for value in prediction.boxes[row].tolist())
        if right <= left or bottom <= top:
            continue
        box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
        fields = {
            "label": name or UNNAMED,
            "bounding_box": box,
            "confidence": float(prediction.ranking_scores[row]),
        }
        extra = {
            "mask_score": float(prediction.mask_scores[row]),
            "prompt": int(prediction.prompt_index[row]),
            "top": [f"{n} {prob:.3f}" for n, prob in (prediction.top[row] if prediction.top else ())],
        }
        found.append((fields, prediction.masks[row, top:bottom, left:right], extra))
    return found


def semantic_map(prediction: Prediction) -> np.ndarray:
    """(H, W) uint8 or uint16: 0 = nothing, label + 1 elsewhere; of masks that overlap, the smaller one.

    Raises:
        ValueError: the model only segments.
    """
    if prediction.labels is None:
        raise ValueError("this model only segments: there are no classes to draw a map of")
    numbers = np.concatenate([[0], prediction.labels + 1])
    kind = np.uint8 if len(prediction.class_names) < 256 else np.uint16
    return numbers[prediction.label_map()].astype(kind)
