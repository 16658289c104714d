"""Testing: with prompts of the ground truth, with a detector's boxes, or on label maps."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner import TestLoop

from ovsam.benchmark import records
from ovsam.datasets.detections import DetectionDataset
from ovsam.datasets.transforms.loading import LoadInstances
from ovsam.datasets.transforms.prompts import DrawEachKind, DrawPrompts
from ovsam.engine.prompt_loop import PromptTestLoop
from ovsam.engine.runner import Runner
from ovsam.evaluation.detection import DetectionMetric
from ovsam.files import sha256_of


@dataclass(frozen=True)
class DetectorBoxes:
    """Which boxes of a detector are the prompts, and whose labels count.

    Attributes:
        file: result file.
        labels: `method` or `detector`.
        score_floor: boxes below are left out.
        classes: names of the detector's categories, or None where its ids are the annotation file's.
    """

    file: Path
    labels: str = "method"
    score_floor: float = 0.0
    classes: Path | None = None

    @property
    def prompts(self) -> str:
        """What a record calls them."""
        return records.detection_prompts(self.file, self.labels)

    def origin(self, dataset: DetectionDataset) -> dict[str, Any]:
        """What else a record says of them."""
        left_out = dict(dataset.skipped)
        return dict(sha256=sha256_of(self.file), score_floor=self.score_floor, left_out=left_out)


def evaluate_prompts(
    runner: Runner,
    configs: Mapping[str, Config],
    kinds: Sequence[str],
    split: str = "test",
    boxes: DetectorBoxes | None = None,
    *,
    keep_masks: bool = False,
) -> dict[str, dict[str, tuple[dict[str, float], Any]]]:
    """Run the test loop once, with prompts of all `kinds` on every picture.

    Args:
        runner: built from the first config, weights loaded; of several rows its model predicts all.
        configs, split: by row, the first of which is "". Its `<split>_dataloader` and of every row the
            `<split>_evaluator` are used; `test` or `val`.
        kinds, boxes: `box` and `center_point`, or `detection` alone with its boxes.
        keep_masks: keep the predicted masks in the metric, with prompts of the ground truth.

    Returns:
        By row and kind, metrics in percent without prefix, and one line per prompt: `InstanceResults`,
        or with detector boxes COCO's result format.

    Raises:
        ValueError: the pipeline draws no prompts, or detector boxes meet another format than COCO's.
    """
    loader = configs[""][f"{split}_dataloader"]
    judges = {row: copy.deepcopy(config[f"{split}_evaluator"]) for row, config in configs.items()}
    if boxes is not None:
        loader = with_detections(loader, boxes)
        ann_file = Path(loader.dataset.get("data_root", ""), loader.dataset.ann_file)
        keep_masks = False  # COCO's result format has them
        judges = {"": dict(type=DetectionMetric, ann_file=str(ann_file), labels=boxes.labels)}
    if keep_masks:
        for judge in judges.values():
            judge["keep_masks"] = True
    evaluators = {
        row: {kind: runner.build_evaluator(copy.deepcopy(judge)) for kind in kinds}
        for row, judge in judges.items()
    }
    found = tested(runner, PromptTestLoop(runner, with_prompt_kinds(loader, kinds), evaluators))
    lines = "instances" if boxes is None else "predictions"
    return {
        row: {
            kind: (
                _below(f"{row}/{kind}" if row else kind, found),
                getattr(evaluator.metrics[0], lines),
            )
            for kind, evaluator in by_kind.items()
        }
        for row, by_kind in evaluators.items()
    }


def semantic_stem(name: str = "") -> str:
    """What the files of a test on label maps are called, of another set than the config's own too."""
    return f"{records.SEMANTIC}_{name}" if name else records.SEMANTIC


def evaluate_semantic(
    runner: Runner, config: Config, split: str = "test"
) -> tuple[dict[str, float], Any]:
    """Run the test loop on label maps: every image against the classes that the model answers with.

    Args:
        runner: built from `config`, weights loaded; its model has a `vocabulary`.
        config, split: as in `evaluate_prompts`; the evaluator is one `SemanticMetric`.

    Returns:
        Metrics in percent without prefix, and the metric's `SemanticReport`.

    Raises:
        ValueError: the model's vocabulary lacks a class of the data set; nothing has run then.
    """
    evaluator = copy.deepcopy(config[f"{split}_evaluator"])
    evaluator.predicted_names = list(runner.bare_model.vocabulary.names)
    loop = TestLoop(runner, copy.deepcopy(config[f"{split}_dataloader"]), evaluator)
    metric = loop.evaluator.metrics[0]
    metric.check_vocabulary()
    found = tested(runner, loop)
    return {name.rpartition("/")[2]: value for name, value in found.items()}, metric.report


def tested(runner: Runner, loop: TestLoop) -> dict[str, float]:
    """What the metrics of a loop give, by name with prefixes."""
    runner._test_loop = loop
    return runner.test()


def _below(prefix: str, found: Mapping[str, float]) -> dict[str, float]:
    """The metrics with a prefix, by their own names."""
    return {
        name.rpartition("/")[2]: value for name, value in found.items() if name.startswith(f"{prefix}/")
    }


def with_prompt_kinds(loader: Any, kinds: Sequence[str]) -> Any:
    """A copy of a loader's config whose samples come by kind, with prompts of each of `kinds`."""
    loader = copy.deepcopy(loader)
    pipeline = list(loader.dataset.pipeline)
    places = [place for place, step in enumerate(pipeline) if step["type"] is DrawPrompts]
    if not places:
        raise ValueError("the test pipeline has no DrawPrompts step")
    steps = pipeline[places[0] :]
    loader.dataset.pipeline = [*pipeline[: places[0]], dict(type=DrawEachKind, kinds=kinds, steps=steps)]
    return loader


def with_detections(loader: Any, boxes: DetectorBoxes) -> Any:
    """A copy of a loader's config that reads every image with a detector's boxes and no annotation."""
    loader = copy.deepcopy(loader)
    given = loader.dataset
    missing = [key for key in ("ann_file", "data_prefix", "vocabulary") if key not in given]
    if missing:
        raise ValueError(f"--prompts detection needs a data set of COCO's format; it lacks {missing}")
    shared = (
        "ann_file",
        "data_prefix",
        "vocabulary",
        "data_root",
        "indices",
        "cache_images",
        "seed",
        "on_error",
    )
    loader.dataset = ConfigDict(
        type=DetectionDataset,
        **{key: given[key] for key in shared if key in given},
        detections=str(boxes.file),
        labels=boxes.labels,
        score_floor=boxes.score_floor,
        classes=None if boxes.classes is None else str(boxes.classes),
        pipeline=[step for step in given.pipeline if step["type"] is not LoadInstances],
    )
    return loader
