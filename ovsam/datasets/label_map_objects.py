"""Objects of label maps: every connected region of a class as an instance, to score masks of prompts."""

from typing import Any

import cv2
import numpy as np

from ovsam.datasets.label_maps import read_labels
from ovsam.datasets.semseg import SemsegDataset
from ovsam.ops.masks import encode_masks
from ovsam.registry import DATASETS, passes_options_to


@DATASETS.register_module()
@passes_options_to(SemsegDataset)
class LabelMapObjects(SemsegDataset):
    """One sample per label map, with `instances` as in `CocoPromptDataset`.

    Objects of one class that touch are one region: a label map does not tell them apart.
    """

    def __init__(self, *, min_area: int = 1, **arguments: Any) -> None:
        """Args:
        min_area: smaller regions (px, original) are left out.
        arguments: those of `SemsegDataset`.
        """
        self.min_area = min_area
        super().__init__(**arguments)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One entry with the regions of its label map, by label, then from the top."""
        results = super().get_data_info(idx)
        labels = read_labels(results["label_path"], self.spec, self.label_table)
        instances = []
        for label in np.setdiff1d(labels, [self.spec.ignore_index]).tolist():
            _, regions, facts, _ = cv2.connectedComponentsWithStats(np.uint8(labels == label))
            for region, (left, top, width, height, area) in enumerate(facts[1:].tolist(), start=1):
                if area < self.min_area:
                    continue
                instances.append(
                    dict(
                        annotation_id=len(instances),
                        label=label,
                        bbox=[left, top, left + width, top + height],
                        segmentation=encode_masks((regions == region)[None])[0],
                    )
                )
        return {**results, "height": labels.shape[0], "width": labels.shape[1], "instances": instances}
