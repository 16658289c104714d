"""Images with label maps: one reader for every data set of the table in `semseg_specs`."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from ovsam.datasets.base import SampleSeededDataset
from ovsam.datasets.broken import report_left_out
from ovsam.datasets.coco_ov import Keep, describe_vocabulary, labels_to_keep
from ovsam.datasets.label_maps import check_not_binary
from ovsam.datasets.semseg_specs import SemsegSpec, get_spec
from ovsam.files import read_json
from ovsam.registry import DATASETS, passes_options_to

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
NUM_LOOKED_AT = 20  # label maps that tell whether they are of 0 and 255 only


@DATASETS.register_module()
@passes_options_to(SampleSeededDataset)
class SemsegDataset(SampleSeededDataset):
    """One sample per label map.

    An entry has `img_id` (the files' stem), `img_path`, `label_path`, `spec`, `label_table` (new value
    of each label, or None where all stay) and, where asked for, `instances` with `segmentation` and
    `visible_fraction`. Pixels of classes that are not kept become ignored before anything else sees
    them: with `keep='base'` no pixel of a novel class can train a model.
    """

    def __init__(
        self,
        *,
        spec: str | Mapping[str, Any],
        data_root: str | None = None,
        keep: Keep = "all",
        with_occlusion: bool = False,
        **options: Any,
    ) -> None:
        """Args:
        spec: name in the table, see `semseg_specs`, or a config of `label_maps` there.
        data_root: folder of the data set, if it is not that of the table.
        keep: whose labels are kept: of the `base`, the `novel`, both (`evaluated`), or `all` classes.
        with_occlusion: read how much of each object is visible.
        options: those of `SampleSeededDataset`.

        Raises:
            FileNotFoundError: a folder is missing or empty, or a label map has no image; says how to
                make them.
            ValueError: unknown data set or group, or one that knows no occlusion.
        """
        self.spec = get_spec(spec)
        if with_occlusion and self.spec.occlusion is None:
            raise ValueError(f"{self.spec.title} knows no occlusion; leave with_occlusion out")
        self.label_table = _label_table(self.spec, labels_to_keep(self.spec.classes, keep))
        self.with_occlusion = with_occlusion
        super().__init__(
            data_root=self.spec.root if data_root is None else data_root,
            data_prefix=dict(img=self.spec.images, seg=self.spec.labels),
            metainfo=describe_spec(self.spec),
            **options,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Look for the files; entries by ascending stem."""
        images, labels = Path(self.data_prefix["img"]), Path(self.data_prefix["seg"])
        for folder in (labels, images):
            if not folder.is_dir():
                raise FileNotFoundError(f"folder {folder} does not exist; {self.spec.hint}")
        suffix = self.spec.label_suffix
        stems = sorted(path.name.removesuffix(suffix) for path in labels.glob(f"*{suffix}"))
        if not stems:
            raise FileNotFoundError(f"folder {labels} holds no label map; {self.spec.hint}")
        if not (self.spec.prepare or self.spec.values):
            looked_at = [labels / f"{stem}{suffix}" for stem in stems[:NUM_LOOKED_AT]]
            check_not_binary(looked_at, passes_broken=self.on_error == "skip")
        found = {
            path.stem: path
            for path in sorted(images.glob(f"*{self.spec.image_suffix}"), reverse=True)  # .jpg, not .png
            if path.suffix.lower() in PICTURES and not (images == labels and path.name.endswith(suffix))
        }
        missing = [stem for stem in stems if stem not in found]
        if missing and self.on_error == "raise":
            raise FileNotFoundError(
                f"{len(missing):,} label maps in {labels} have no image in {images}, such as"
                f" {missing[0]}{self.spec.image_suffix}; {self.spec.hint}"
            )
        if missing:
            report_left_out(
                "label maps",
                labels,
                [f"{stem}{suffix} has no image in {images}" for stem in missing],
                len(stems),
            )
            self.skipped["broken label maps (no image)"] = len(missing)
            stems = [stem for stem in stems if stem in found]
        if self.spec.num_images not in (None, len(stems)):
            print_log(
                f"{labels}: {len(stems):,} label maps, {self.spec.title} has {self.spec.num_images:,}:"
                " figures will not compare with published ones",
                "current",
                logging.WARNING,
            )
        shared = dict(spec=self.spec, label_table=self.label_table)
        entries: list[dict[str, Any]] = [
            dict(img_id=s, img_path=str(found[s]), label_path=str(labels / f"{s}{suffix}"), **shared)
            for s in stems
        ]
        if self.with_occlusion:
            self._add_instances(entries)
        return entries

    def labels_sha256(self) -> str:
        """sha256 (hex) over name and content of every label map that is read: for records."""
        digest = hashlib.sha256()
        for index in range(len(self)):
            path = Path(self.get_data_info(index)["label_path"])
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def _add_instances(self, entries: list[dict[str, Any]]) -> None:
        assert self.spec.occlusion is not None
        path = Path(self.data_root) / self.spec.occlusion
        content = read_json(path, missing=self.spec.hint, damaged=f"{self.spec.hint} --force")
        stems = {image["id"]: Path(image["file_name"]).stem for image in content["images"]}
        by_stem: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in content["annotations"]:
            instance = {key: row[key] for key in ("segmentation", "visible_fraction")}
            by_stem[stems[row["image_id"]]].append(instance)
        for entry in entries:
            entry["instances"] = by_stem[entry["img_id"]]
        if empty := sum(not entry["instances"] for entry in entries):
            raise ValueError(f"{path} has no annotation for {empty} label maps; {self.spec.hint}")


def describe_spec(spec: SemsegSpec) -> dict[str, Any]:
    """What a metric and pictures need to know: `describe_vocabulary` of what the model is asked for.

    Beside it `semseg`: a dict of `name`, `title`, `class_names` (evaluated labels), `ignore_index`,
    `background` (or None), `seen` and `unseen` (lists of evaluated labels).
    """
    vocabulary = spec.classes
    evaluated = range(spec.num_classes if spec.background is None else spec.background)
    facts = dict(
        name=spec.name,
        title=spec.title,
        class_names=spec.class_names,
        ignore_index=spec.ignore_index,
        background=spec.background,
        seen=[label for label in evaluated if label in vocabulary.base],
        unseen=[label for label in evaluated if label in vocabulary.novel],
    )
    return {**describe_vocabulary(vocabulary), "semseg": facts}


def _label_table(spec: SemsegSpec, kept: frozenset[int]) -> np.ndarray | None:
    """New value of each label, (num_classes,) int64: itself or ignored."""
    labels = np.arange(spec.num_classes)
    if kept.issuperset(labels.tolist()) or (spec.background is not None and len(kept) >= len(labels)):
        return None
    if spec.background is not None:
        kept = kept | {spec.background}
    return np.where(np.isin(labels, sorted(kept)), labels, spec.ignore_index)
