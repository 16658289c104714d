"""What the metrics share: one result per image, which counts once however often it comes."""

from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from numpy.typing import NDArray


class ImageMetric(BaseMetric):
    """A metric whose results are dicts, one per image, with an `image_id`.

    A distributed sampler pads with images that another process has. Such doubles are dropped here.
    """

    def evaluate(self, size: int) -> dict:
        """Metrics over all processes; clears the results."""
        return super().evaluate(size=2**31)  # mmengine would cut the results at the given size

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Metrics of the results of all processes."""
        by_image = {result["image_id"]: result for result in results}
        return self.compute([by_image[image_id] for image_id in sorted(by_image)])

    def compute(self, images: list[dict]) -> dict[str, float]:
        """Metrics of one result per image, by ascending image id."""
        raise NotImplementedError

    def meta(self, *names: str) -> list[Any]:
        """What the data set's metainfo says under these names; ValueError where it lacks one."""
        found = self.dataset_meta or {}
        if missing := [name for name in names if name not in found]:
            name = type(self).__name__
            raise ValueError(f"{name} needs {missing} in the data set's metainfo, got {sorted(found)}")
        return [found[name] for name in names]


def to_array(values: Any, dtype: Any = None) -> NDArray:
    """A tensor on any device, or what numpy takes for an array, as an array."""
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values, dtype)


def harmonic_mean(first: float, second: float) -> float:
    """Harmonic mean of two figures; 0 where both are."""
    return 2 * first * second / (first + second) if first + second else 0.0


def present(metrics: dict[str, float | None]) -> dict[str, float]:
    """The metrics that have a value."""
    return {name: value for name, value in metrics.items() if value is not None}
