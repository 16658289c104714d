"""What `cache_teacher` and `train` must agree on: a cached config's store and its fingerprint."""

import copy
from typing import Any

from mmengine.config import Config

from ovsam.benchmark.provenance import config_digest
from ovsam.datasets.base import SampleSeededDataset
from ovsam.datasets.feature_store import FeatureStore
from ovsam.datasets.transforms.teacher_features import AddTeacherFeatures
from ovsam.registry import DATASETS
from ovsam.weights import Source, locate


def store_of(config: Config) -> str | None:
    """Folder of the feature store that a config trains from; None where its teacher is live.

    Raises:
        ValueError: the config reads teacher features and does not say of which teacher, or the other
            way round.
    """
    stores = [step["store"] for step in _pipeline(config) if step["type"] is AddTeacherFeatures]
    teacher = config.get("cached_teacher")
    if bool(stores) != bool(teacher):
        have, lack = ("an AddTeacherFeatures step", "cached_teacher = dict(model=..., weights=...)")
        if teacher:
            have, lack = lack, have
        raise ValueError(f"the config has {have} but not {lack}; see configs/sam2clip/README.md")
    if len(stores) > 1:
        raise ValueError(f"the pipeline has {len(stores)} AddTeacherFeatures steps, expected one")
    return stores[0] if stores else None


def fingerprint_of(config: Config) -> dict[str, str]:
    """What the features of a cached config depend on, apart from the images, as hexadecimal digests.

    Teacher (architecture), weights (sha256 of their file, its part and converter), preprocessor
    (normalisation and padding) and pipeline (decoding and resizing). Folders do not count.

    Raises:
        WeightsError: the teacher's weights are not there, or their source is misspelt.
        DownloadError: released weights cannot be had, or are not those that were expected.
    """
    teacher = config.cached_teacher
    source = Source.parse(teacher["weights"])
    _, digest = locate(source.name, config.get("weights_root", "work_dirs"))
    converter = f"{source.converter}:" if source.converter else ""
    return {
        "teacher": config_digest(teacher["model"]),
        "weights": f"{converter}{digest}#{source.prefix}",
        "preprocessor": config_digest(config.model["data_preprocessor"]),
        "pipeline": config_digest({"steps": _steps_before_features(config)}),
    }


def build_source(config: Config) -> SampleSeededDataset:
    """The training set as the teacher sees it: without the step that adds features."""
    dataset = copy.deepcopy(config.train_dataloader.dataset)
    dataset.pipeline = _steps_before_features(config)
    return DATASETS.build(dataset)


def check_cached_teacher(config: Config) -> None:
    """Raise FeatureStoreError unless the store of a cached config is whole, current and has all images.

    Nothing is checked where the teacher is live.
    """
    root = store_of(config)
    if root is None:
        return
    store = FeatureStore(root=root)
    store.check_fingerprint(fingerprint_of(config))
    source = build_source(config)
    store.check_covers(source.image_id(index) for index in range(len(source)))


def _pipeline(config: Config) -> list[Any]:
    loader = config.get("train_dataloader") or {}
    return list(loader.get("dataset", {}).get("pipeline", []))


def _steps_before_features(config: Config) -> list[Any]:
    return [step for step in _pipeline(config) if step["type"] is not AddTeacherFeatures]
