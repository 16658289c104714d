"""Testing against growing vocabularies: one pass over the pictures, answered with every set of names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import Evaluator

from ovsam.benchmark import records
from ovsam.datasets.hierarchies import get_hierarchy
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.engine.evaluation import tested, with_prompt_kinds
from ovsam.engine.prompt_loop import PromptTestLoop
from ovsam.engine.runner import Runner
from ovsam.evaluation.vocabulary import VocabularyMetric
from ovsam.structures.offered_names import labels_in, offered_labels, split_for
from ovsam.structures.vocabulary import Vocabulary

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class VocabularyTest:
    """A config's `test_vocabulary`.

    Attributes:
        names: the named list that names are drawn from, such as `shapes22k`; see `get_vocabulary`.
        sizes: names that are offered; `all` = all of the list.
        seed: of the draw.
        parents: see `get_hierarchy`; empty: neither parents nor attributes.
        prompts: `box` or `center_point`.
    """

    names: str
    sizes: tuple[int | str, ...] = (80, 1203, 13204, ALL)
    seed: int = 0
    parents: str = ""
    prompts: str = "box"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "VocabularyTest":
        """What the config asks for.

        Raises:
            ValueError: nothing, something unknown, or a list that does not exist.
        """
        given = config.get("test_vocabulary")
        if not given:
            raise ValueError(
                "--prompts vocabulary needs test_vocabulary = dict(names=..., sizes=...) in the config,"
                " such as dict(names='shapes22k', sizes=(80, 1203, 13204, 'all'))"
            )
        if unknown := set(given) - set(cls.__dataclass_fields__):
            raise ValueError(
                f"test_vocabulary has no {sorted(unknown)}; {list(cls.__dataclass_fields__)}"
            )
        found = cls(**{**given, "sizes": tuple(given.get("sizes", cls.sizes))})
        if found.prompts not in records.PROMPTS:
            raise ValueError(
                f"test_vocabulary.prompts must be of {records.PROMPTS}, got {found.prompts!r}"
            )
        wrong = [n for n in found.sizes if n != ALL and not (isinstance(n, int) and n > 0)]
        if wrong or not found.sizes:
            raise ValueError(f"test_vocabulary.sizes must be numbers or {ALL!r}, got {found.sizes}")
        _ = found.vocabulary
        return found

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All names."""
        return get_vocabulary(self.names)

    @property
    def counts(self) -> list[int]:
        """The sizes as numbers, each once, ascending."""
        return sorted({len(self.vocabulary) if size == ALL else int(size) for size in self.sizes})

    @property
    def kinds(self) -> dict[int, str]:
        """Size -> what a record calls it."""
        return {size: records.vocabulary_prompts(self.prompts, size) for size in self.counts}


def evaluate_vocabularies(
    runner: Runner, config: Config, test: VocabularyTest, split: str = "test"
) -> dict[str, dict[str, float]]:
    """Run the test loop once; every object is named out of each set of names.

    Args:
        runner: built from `config`, weights loaded; its model has a classifier.
        config, split: its `<split>_dataloader` is used; `test` or `val`.
        test: which names.

    Returns:
        By kind (`VocabularyTest.kinds`), metrics of `VocabularyMetric` in percent.

    Raises:
        ValueError: a model that cannot name, or an evaluated class that is not in the list.
    """
    model = runner.bare_model
    own = getattr(model, "classifier", None)
    if own is None or not hasattr(own, "with_vocabulary"):
        raise ValueError("--prompts vocabulary needs a model with a classifier: this one only segments")
    metric = VocabularyMetric()
    loader = with_prompt_kinds(config[f"{split}_dataloader"], [test.prompts])
    loop = PromptTestLoop(runner, loader, {"": {test.prompts: Evaluator([metric])}})
    data, labels = _evaluated(loop.dataloader.dataset, test.counts[0])
    places = labels_in(test.vocabulary, [data.classes[label] for label in labels])
    offered = {
        str(size): offered_labels(test.vocabulary, places, size, test.seed) for size in test.counts
    }
    levels = get_hierarchy(test.parents, test.vocabulary).levels if test.parents else {}
    metric.ask(
        names=test.vocabulary.names,
        offered=offered,
        truth=dict(zip(labels, places, strict=True)),
        levels=levels,
    )
    device = next(model.parameters()).device
    model.offered = {size: _classifier(own, test, labels).to(device) for size, labels in offered.items()}
    try:
        found = tested(runner, loop)
    finally:
        model.offered = {}
    by_size: dict[str, dict[str, float]] = {size: {} for size in offered}
    for name, value in found.items():
        size, _, key = name.rpartition("/")[2].partition(".")
        by_size[size][key] = value
    return {kind: by_size[str(size)] for size, kind in test.kinds.items()}


def _classifier(own: Any, test: VocabularyTest, labels: Sequence[int]) -> Any:
    """The model's classifier with a set of names, of which it has learnt some."""
    classes = [test.vocabulary.classes[label] for label in labels]
    words = split_for(own.vocabulary, f"{test.names} {len(classes)}", classes)
    return own.with_vocabulary(words).eval()


def _evaluated(dataset: Any, least: int) -> tuple[Vocabulary, list[int]]:
    """The data set's classes that every set of names has: all it keeps, or if those are too many for the
    `least` set all that occur."""
    kept = sorted(dataset.sample_labels)
    if len(kept) > least:
        entries = (BaseDataset.get_data_info(dataset, index) for index in range(len(dataset)))
        kept = sorted({instance["label"] for entry in entries for instance in entry["instances"]})
    return dataset.vocabulary, kept
