"""Images in SA-1B's layout: folders or tar files of `sa_K.jpg` with their masks in `sa_K.json`.

Source: Kirillov et al., Segment Anything, release notes of SA-1B.
"""

import json
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ovsam.datasets.base import SampleSeededDataset
from ovsam.registry import DATASETS

FILE_NAME = re.compile(r"sa_(\d+)\.(jpg|json)")
PART_NAMES = ("sa_*.tar", "sa_*")


class Place(NamedTuple):
    """Where the bytes of a file are: a file of its own (size -1), or a stretch of a tar file."""

    path: str
    offset: int = 0
    size: int = -1

    def read(self) -> bytes:
        """The bytes."""
        with open(self.path, "rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.size)


@DATASETS.register_module()
class Sa1bDataset(SampleSeededDataset):
    """One sample per image; with `with_masks` its masks, all with label -1 (unknown).

    An entry has `img_id` (the K of `sa_K`), `img_path` (for a tar file `file.tar/sa_K.jpg`) and
    `img_bytes`; with masks also `height`, `width` and `instances` as in `CocoPromptDataset`.
    """

    def __init__(
        self,
        *,
        data_root: str,
        parts: Sequence[str] | None = None,
        with_masks: bool = False,
        pipeline: Sequence[Any] = (),
        seed: int = 0,
        cache_images: bool = False,
        test_mode: bool = False,
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
    ) -> None:
        """Args:
        data_root: folder that holds the parts.
        parts: names of folders or tar files in it; all `sa_*` folders and `sa_*.tar` if left out.
        with_masks: read the JSON beside each image.
        pipeline: transforms (configs or callables).
        seed: of the randomness of the samples.
        cache_images: keep decoded pictures in memory, for small sets.
        test_mode: randomness does not depend on the epoch; nothing is redrawn.
        indices: only the first so many images, or those at these places.
        lazy_init: look for the files at first use only.

        Raises:
            FileNotFoundError: the folder or a part is missing, or holds no image.
            ValueError: a tar file is broken, or an image occurs twice.
        """
        self.parts = None if parts is None else list(parts)
        self.with_masks = with_masks
        super().__init__(
            seed=seed,
            cache_images=cache_images,
            data_root=data_root,
            pipeline=list(pipeline),
            test_mode=test_mode,
            indices=indices,
            lazy_init=lazy_init,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the images of all parts, by ascending number."""
        root = Path(self.data_root)
        if not root.is_dir():
            raise FileNotFoundError(
                f"{root} does not exist; see data/README.md for the expected tree (the embedded"
                " benchmark: run `python tools/prepare_data.py shapes`)"
            )
        if self.parts is None:
            parts = sorted({path for pattern in PART_NAMES for path in root.glob(pattern)})
        else:
            parts = [root / part for part in self.parts]
        found: dict[int, dict[str, Place]] = {}
        for part in parts:
            for number, kind, place in _list_part(part):
                if kind in found.setdefault(number, {}):
                    raise ValueError(
                        f"sa_{number}.{kind} occurs twice: {found[number][kind].path} and {part}"
                    )
                found[number][kind] = place
        entries = [
            self._entry(number, found[number]) for number in sorted(found) if "jpg" in found[number]
        ]
        if not entries:
            raise FileNotFoundError(
                f"no sa_*.jpg in the parts of {root}: {[part.name for part in parts]}"
            )
        return entries

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One entry with its bytes and, if asked for, its instances."""
        results = super().get_data_info(idx)
        results["img_bytes"] = results.pop("img_place").read()
        mask_place = results.pop("mask_place", None)
        if mask_place is not None:
            results.update(_read_masks(mask_place, results["img_path"]))
        return results

    def _entry(self, number: int, files: dict[str, Place]) -> dict[str, Any]:
        place = files["jpg"]
        path = place.path if place.size < 0 else f"{place.path}/sa_{number}.jpg"
        entry: dict[str, Any] = {"img_id": number, "img_path": path, "img_place": place}
        if self.with_masks:
            if "json" not in files:
                raise FileNotFoundError(f"{path} has no sa_{number}.json with its masks")
            entry["mask_place"] = files["json"]
        return entry


def _list_part(part: Path) -> list[tuple[int, str, Place]]:
    """(number, `jpg` or `json`, place) of every file of a part."""
    if part.is_dir():
        places = [(path.name, Place(str(path))) for path in part.iterdir()]
    elif part.is_file():
        places = _list_tar(part)
    else:
        raise FileNotFoundError(f"{part} is neither a folder nor a tar file of SA-1B")
    matches = [(FILE_NAME.fullmatch(name), place) for name, place in places]
    return [(int(match[1]), match[2], place) for match, place in matches if match]


def _list_tar(path: Path) -> list[tuple[str, Place]]:
    try:
        with tarfile.open(path, "r:") as archive:
            members = [member for member in archive if member.isfile()]
    except tarfile.TarError as error:
        raise ValueError(f"{path} is broken or no plain tar file: {error}") from None
    size = path.stat().st_size
    for member in members:
        if member.offset_data + member.size > size:
            raise ValueError(f"{path} is cut short: {member.name} ends beyond its {size} bytes")
    return [(Path(m.name).name, Place(str(path), m.offset_data, m.size)) for m in members]


def _read_masks(place: Place, image_path: str) -> dict[str, Any]:
    try:
        content = json.loads(place.read())
        image, annotations = content["image"], content["annotations"]
        instances = [
            {
                "annotation_id": a["id"],
                "label": -1,
                "bbox": [
                    a["bbox"][0],
                    a["bbox"][1],
                    a["bbox"][0] + a["bbox"][2],
                    a["bbox"][1] + a["bbox"][3],
                ],
                "segmentation": a["segmentation"],
            }
            for a in annotations
            if min(a["bbox"][2:]) > 0
        ]
        return {"height": image["height"], "width": image["width"], "instances": instances}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"masks of {image_path} cannot be read: {error!r}") from None
