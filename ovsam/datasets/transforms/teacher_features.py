"""Adds the teacher's features of an image from a store, so that training needs no teacher."""

from typing import Any

from mmcv.transforms import BaseTransform

from ovsam.datasets.feature_store import FeatureStore, pixels_checksum
from ovsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AddTeacherFeatures(BaseTransform):
    """The last step, after `PackPromptInputs`: sets the sample's `teacher_features`.

    tools/cache_teacher.py makes the store from the same config. An image whose pixels are not those that
    the teacher saw is refused, so nothing random may come before this step.
    """

    def __init__(self, *, store: str, check_pixels: bool = True) -> None:
        """Open the store in the folder `store`; `check_pixels` compares the pixels of every image."""
        self.store = FeatureStore(root=store)
        self.check_pixels = check_pixels

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set `data_samples.teacher_features`, (C, h, w) float16; see `FeatureStore.read` for errors."""
        sample = results["data_samples"]
        pixels = pixels_checksum(results["inputs"]) if self.check_pixels else None
        sample.teacher_features = self.store.read(sample.img_id, pixels)
        return results
