"""The metric of large vocabularies: is the right name first, or among the first five, of N offered ones?

Source: Open-Vocabulary SAM, table 5, says accuracy and vocabulary but not the evaluation; growing sets,
parents and attributes are ours. What counts:

- `top_1`, `top_5`: the true name is first, among the first five; `top_1_base` and `top_1_novel` of the
  data set's groups of classes.
- `top_1_parent`: the first name is the true one or one of its hypernyms ("bear" for a brown bear).
- attributes (`colour`, `shape`, `pattern`, `pattern_colour`): the first name has the attribute of the
  true one, whatever else is wrong; only things that have one count.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ovsam.evaluation.base import ImageMetric, to_array
from ovsam.registry import METRICS
from ovsam.structures.offered_names import NUM_RANKED, RANKED

ATTRIBUTES = ("colour", "shape", "pattern", "pattern colour")
PARENT = "parent"


@METRICS.register_module()
class VocabularyMetric(ImageMetric):
    """Accuracy in percent when N names are offered, for several N; names are `<N>.top_1` and so on.

    `ovsam test --prompts vocabulary` says by `ask` what the config's `test_vocabulary` asks for.

    Attributes:
        instances: N -> (n, 5) int64, labels of all names, of the last evaluation; `true` -> (n,).
    """

    default_prefix = "vocabulary"

    def __init__(self, *, collect_device: str = "cpu") -> None:
        """Args:
        collect_device: `cpu` or `gpu`, how results of several processes are gathered.
        """
        super().__init__(collect_device=collect_device)
        self.instances: dict[str, NDArray[np.int64]] = {}
        self.offered: dict[str, NDArray[np.int64]] = {}

    def ask(
        self,
        *,
        names: Sequence[str],
        offered: Mapping[str, Sequence[int]],
        truth: Mapping[int, int],
        levels: Mapping[str, Sequence[str]],
    ) -> None:
        """Say which names are offered.

        Args:
            names: all C names.
            offered: N -> labels in `names` of the offered ones, in the order of the answer.
            truth: label of the data set -> label in `names`; others are not evaluated.
            levels: level -> group of each name, see `structures.hierarchy`; may be empty.
        """
        self.names = np.array([_plain(name) for name in names], object)
        self.offered = {size: np.asarray(labels, np.int64) for size, labels in offered.items()}
        self.truth = dict(truth)
        self.levels = {level: np.asarray(groups, object) for level, groups in levels.items()}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add samples, given as dicts with `gt_instances.labels` and a `ranked_<N>` of every set.

        Raises:
            ValueError: no set of names, or a sample without its answers.
        """
        if not self.offered:
            raise ValueError(
                "VocabularyMetric needs sets of names: run `ovsam test --prompts vocabulary`"
            )
        for sample in data_samples:
            labels = to_array(sample["gt_instances"]["labels"], np.int64)
            result: dict[str, Any] = {"image_id": sample["img_id"], "labels": labels}
            for size, offered in self.offered.items():
                if RANKED.format(size) not in sample["pred_instances"]:
                    raise ValueError(f"image {sample['img_id']}: no answers of {size} names")
                ranked = to_array(sample["pred_instances"][RANKED.format(size)], np.int64)
                if len(ranked) != len(labels):
                    raise ValueError(
                        f"image {sample['img_id']}: {len(labels)} prompts but {len(ranked)} answers"
                    )
                result[size] = offered[ranked]
            self.results.append(result)

    def compute(self, images: list[dict]) -> dict[str, float]:
        """Percentages and counts of every set; keeps the answers in `instances`."""
        base, novel = self.meta("base", "novel")
        labels = np.concatenate([np.empty(0, np.int64), *(image["labels"] for image in images)])
        true = np.array([self.truth.get(label, -1) for label in labels.tolist()], np.int64)
        kept = true >= 0
        self.instances = {"true": true[kept]}
        found: dict[str, float] = {}
        for size, offered in self.offered.items():
            none = np.empty((0, min(NUM_RANKED, len(offered))), np.int64)
            ranked = np.concatenate([none, *(image[size] for image in images)])[kept]
            self.instances[size] = ranked
            groups = {"base": np.isin(labels[kept], base), "novel": np.isin(labels[kept], novel)}
            for name, percent in self._accuracies(ranked, true[kept], groups).items():
                found[f"{size}.{name}"] = percent
            found[f"{size}.num_images"] = len(images)
            found[f"{size}.num_objects"] = int(kept.sum())
            found[f"{size}.num_names"] = len(offered)
        return found

    def _accuracies(
        self, ranked: NDArray[np.int64], true: NDArray[np.int64], groups: Mapping[str, NDArray[np.bool_]]
    ) -> dict[str, float]:
        """Percentages of one set; a group without objects has none."""
        if not len(true):
            return {}
        first = ranked[:, 0]
        is_right = {"top_1": first == true, "top_5": (ranked == true[:, None]).any(axis=1)}
        is_right |= {f"top_1_{n}": (first == true)[rows] for n, rows in groups.items() if rows.any()}
        if PARENT in self.levels:
            is_right["top_1_parent"] = (first == true) | self._is_ancestor(first, true)
        for level in ATTRIBUTES:
            if level in self.levels:
                asked = self.levels[level][true]
                same = self.levels[level][first] == asked
                if (asked != "").any():
                    is_right[level.replace(" ", "_")] = same[asked != ""]
        return {name: 100 * float(values.mean()) for name, values in is_right.items()}

    def _is_ancestor(self, answers: NDArray[np.int64], true: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether an answer is the name of a hypernym of the true class, on any level."""
        found = np.zeros(len(true), bool)
        for level, groups in self.levels.items():
            if level.split()[0] == PARENT:
                parents = np.array([_plain(group) for group in groups[true]], object)
                found |= self.names[answers] == parents
        return found


def _plain(name: str) -> str:
    """A name as hypernyms are compared: its case and `_` do not count."""
    return " ".join(name.replace("_", " ").lower().split())
