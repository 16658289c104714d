"""Images in SA-1B's layout: folders or tar files of `sa_K.jpg` with their masks in `sa_K.json`.

Source: Kirillov et al., Segment Anything, release notes of SA-1B.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ovsam.datasets.base import SampleSeededDataset
from ovsam.datasets.broken import report_left_out
from ovsam.datasets.sa1b_index import Place, find_parts, read_index, scan_parts
from ovsam.ops.annotations import corners_of_box
from ovsam.registry import DATASETS, passes_options_to


@DATASETS.register_module()
@passes_options_to(SampleSeededDataset)
class Sa1bDataset(SampleSeededDataset):
    """One sample per image; with `with_masks` its masks, all with label -1 (unknown).

    An entry has `img_id` (the K of `sa_K`), `img_path` (for a tar file `file.tar/sa_K.jpg`) and
    `img_bytes`; with masks also `height`, `width` and `instances` as in `CocoPromptDataset`.
    """

    def __init__(
        self,
        *,
        data_root: str,
        index: str | None = None,
        parts: Sequence[str] | None = None,
        with_masks: bool = False,
        **options: Any,
    ) -> None:
        """Args:
        data_root: folder that holds the parts.
        index: file in it that lists the images (see `sa1b_index`); if left out, they are looked for.
        parts: names of folders or tar files in it; all `sa_*` folders and `sa_*.tar` if left out.
            Not with an index, which has its own.
        with_masks: read the JSON beside each image.
        options: those of `SampleSeededDataset`.

        Raises:
            FileNotFoundError: the folder, the index or a part is missing, or holds no image.
            ValueError: a tar file is broken, an image occurs twice, the index is broken or stale, or
                both index and parts are given.
        """
        if index is not None and parts is not None:
            raise ValueError(f"give index or parts, not both; got {index!r} and {list(parts)}")
        self.index = index
        self.parts = None if parts is None else list(parts)
        self.with_masks = with_masks
        super().__init__(data_root=data_root, **options)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the images of all parts, by ascending number."""
        root = Path(self.data_root)
        if self.index is not None:
            found, place = read_index(root / self.index), str(root / self.index)
        else:
            parts = find_parts(root, self.parts)
            found, place = scan_parts(parts), f"the parts of {root}: {[part.name for part in parts]}"
        images = {number: files for number, files in sorted(found.items()) if "jpg" in files}
        if not images:
            raise FileNotFoundError(f"no sa_*.jpg in {place}")
        bare = [n for n, files in images.items() if self.with_masks and "json" not in files]
        if bare and self.on_error == "skip":
            texts = [f"sa_{number}.jpg has no sa_{number}.json with its masks" for number in bare]
            report_left_out("images", place, texts, len(images))
            self.skipped["broken images (no masks)"] = len(bare)
            images = {number: files for number, files in images.items() if "json" in files}
        return [self._entry(number, files) for number, files in images.items()]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One entry with its bytes and, if asked for, its instances."""
        results = super().get_data_info(idx)
        results["img_bytes"] = results.pop("img_place").read()
        if self.with_masks:
            results.update(read_masks(results.pop("mask_place"), results["img_path"]))
        return results

    def files_of(self, entry: Mapping[str, Any]) -> list[str]:
        """The parts, or the files in them."""
        return [entry[key].path for key in ("img_place", "mask_place") if key in entry]

    def _entry(self, number: int, files: dict[str, Place]) -> dict[str, Any]:
        place = files["jpg"]
        path = f"{place.path}/sa_{number}.jpg" if place.is_member else place.path
        entry: dict[str, Any] = {"img_id": number, "img_path": path, "img_place": place}
        if self.with_masks:
            if "json" not in files:
                raise FileNotFoundError(f"{path} has no sa_{number}.json with its masks")
            entry["mask_place"] = files["json"]
        return entry


def read_masks(place: Place, image_path: str) -> dict[str, Any]:
    """Masks of one image from its JSON at `place`; errors call the image `image_path`.

    Returns:
        `height`, `width` (px) and `instances` as in `CocoPromptDataset`, all with label -1.

    Raises:
        ValueError: the JSON is broken.
    """
    try:
        content = json.loads(place.read())
        image, annotations = content["image"], content["annotations"]
        size = image["height"], image["width"]
        if not all(type(side) is int and 0 < side < 1 << 31 for side in size):
            raise ValueError(f"(height, width) = {size!r:.80}, expected whole numbers of px")
        found = [
            {
                "annotation_id": annotation["id"],
                "label": -1,
                "bbox": corners_of_box(annotation["bbox"], size),
                "segmentation": annotation["segmentation"],
            }
            for annotation in annotations
        ]
        instances = [instance for instance in found if instance["bbox"] is not None]
        num_left_out = len(annotations) - len(instances)
        if num_left_out:
            print_log(
                f"image {image_path}: {num_left_out} of {len(annotations)} masks left out, their boxes"
                " have no area",
                "current",
                logging.WARNING,
            )
        return {"height": size[0], "width": size[1], "instances": instances}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"masks of {image_path} cannot be read: {error!r}") from None
