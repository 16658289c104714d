"""Zero-shot accuracy of a CLIP on crops of annotated boxes, or on the boxes of whole pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from ovsam.registry import METRICS


@METRICS.register_module()
class ZeroShotAccuracy(BaseMetric):
    """Percent of the boxes whose first answer out of the whole vocabulary is right.

    Boxes of classes that are neither base nor novel count, too.
    """

    default_prefix = "zero_shot"

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add one dict per sample, with `pred_label` and `gt_label` (vocabulary order).

        A crop has a number of each, a picture a list of each, one for every box.
        """
        for sample in data_samples:
            found, truth = (np.atleast_1d(sample[key]) for key in ("pred_label", "gt_label"))
            self.results.append((int((found == truth).sum()), len(truth)))  # one entry a sample

    def compute_metrics(self, results: list[tuple[int, int]]) -> dict[str, float]:
        """{"accuracy": percent, "num_boxes": count}; ValueError without boxes."""
        hits, count = (sum(part) for part in zip(*results, strict=True)) if results else (0, 0)
        if not count:
            raise ValueError("no boxes to evaluate: the data set has none")
        return {"accuracy": 100 * hits / count, "num_boxes": count}
