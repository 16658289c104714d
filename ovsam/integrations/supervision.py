"""Predictions as supervision's `Detections`. Needs: pip install 'ovsam[supervision]'."""

from typing import Any

import numpy as np

from ovsam.structures.prediction import Prediction


def to_detections(prediction: Prediction) -> Any:
    """The masks as `supervision.Detections`.

    Returns:
        `xyxy` px, `mask`, `confidence` (of the name, or of the mask for models that only segment),
        `class_id` (None there), `data`: `class_name`, `mask_score` and `prompt`.

    Raises:
        ModuleNotFoundError: supervision is not installed.
    """
    import supervision  # optional: the extra `supervision`

    data: dict[str, Any] = {"mask_score": prediction.mask_scores, "prompt": prediction.prompt_index}
    if prediction.labels is not None:
        data["class_name"] = np.array(prediction.names, dtype=object).astype(str)
    return supervision.Detections(
        xyxy=prediction.boxes.astype(np.float32).reshape(-1, 4),
        mask=prediction.masks,
        confidence=prediction.ranking_scores.astype(np.float32),
        class_id=None if prediction.labels is None else prediction.labels.astype(int),
        data=data,
    )
