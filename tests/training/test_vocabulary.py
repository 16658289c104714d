"""`ovsam test` against growing vocabularies: a record of each size, as the predictor would answer."""

import pytest
import torch

from ovsam.benchmark import records
from ovsam.datasets import vocabularies
from ovsam.datasets.shapes.classes import CLASS_NAMES
from ovsam.engine import vocabulary_evaluation
from ovsam.engine.vocabulary_evaluation import VocabularyTest
from ovsam.registry import build_model
from ovsam.structures.vocabulary import Vocabulary
from ovsam.weights import save_weights
from tests import configs

FEW = Vocabulary.from_names([*CLASS_NAMES, *(f"{name} with white dots" for name in CLASS_NAMES)], "few")


@pytest.fixture
def asked(tiny_shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary_evaluation, "get_vocabulary", lambda _: FEW)
    torch.manual_seed(2)
    model = build_model(configs.load("mini/ovsam_vocabulary").model)
    save_weights(model, tmp_path / "weights.safetensors", {})
    options = {
        "test_dataloader.dataset.data_root": str(tiny_shapes),
        "test_vocabulary.sizes": (80, 100, "all"),
        "weights_root": str(tmp_path),
    }
    return tmp_path, options


def test_a_record_of_each_size(asked, command):
    folder, options = asked
    weights = str(folder / "weights.safetensors")
    command("test", "mini/ovsam_vocabulary", folder / "out", options, weights=weights)
    found = {}
    for size in (80, 100, 160):
        record = records.read(folder / "out" / f"record_test_vocabulary_box_{size}.json")
        assert record.prompts == f"vocabulary:box:{size}"
        assert record.metrics["num_names"] == size
        assert record.metrics["num_images"] == 5
        assert record.metrics["top_1"] <= record.metrics["top_5"] <= 100
        assert record.metrics["top_1"] <= min(record.metrics[name] for name in ("colour", "shape"))
        assert record.metrics["top_1_parent"] is record.metrics["pattern_colour"] is None
        found[size] = record.metrics
    assert found[80]["num_objects"] == found[160]["num_objects"] > 5
    assert found[80]["pattern"] >= found[160]["pattern"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "needs test_vocabulary = dict"),
        (dict(names="shapes", size=3), r"has no \['size'\]"),
        (dict(names="no list"), "unknown vocabulary 'no list'"),
        (dict(names="shapes", sizes=(0,)), "must be numbers or 'all'"),
        (dict(names="shapes", prompts="detection"), "prompts must be of"),
    ],
)
def test_what_a_config_may_not_ask(given, message):
    with pytest.raises(ValueError, match=message):
        VocabularyTest.from_config({"test_vocabulary": given})


def test_sizes_are_numbers_once_and_ascending():
    test = VocabularyTest(names="shapes", sizes=("all", 65, 80))
    assert test.kinds == {65: "vocabulary:box:65", 80: "vocabulary:box:80"}
    assert vocabularies.get_vocabulary("shapes") is test.vocabulary
