"""Zero-shot accuracy of a CLIP on crops of annotated boxes."""

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from ovsam.registry import METRICS


@METRICS.register_module()
class ZeroShotAccuracy(BaseMetric):
    """Percent of the crops whose first answer out of the whole vocabulary is right.

    Crops of classes that are neither base nor novel count, too.
    """

    default_prefix = "zero_shot"

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add one dict per crop, with `pred_label` and `gt_label` (vocabulary order)."""
        self.results.extend(sample["pred_label"] == sample["gt_label"] for sample in data_samples)

    def compute_metrics(self, results: list[bool]) -> dict[str, float]:
        """{"accuracy": percent, "num_crops": count}; ValueError without crops."""
        if not results:
            raise ValueError("no crops to evaluate: the data set has no boxes")
        return {"accuracy": 100 * sum(results) / len(results), "num_crops": len(results)}
