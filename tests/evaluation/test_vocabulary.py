"""Top-1, top-5, parents and attributes by hand; twice, and with a picture that two processes have."""

import numpy as np
import pytest
import torch

from ovsam.evaluation.vocabulary import VocabularyMetric

NAMES = ["red bar", "red star", "blue bar", "Brown_Bear", "bear", "animal", "cup"]
LEVELS = {
    "colour": ["red", "red", "blue", "", "", "", ""],
    "shape": ["bar", "star", "bar", "", "", "", ""],
    "parent": ["", "", "", "bear", "animal", "", ""],
    "parent 2": ["", "", "", "animal", "", "", ""],
}
OFFERED = {"4": [0, 3, 4, 6], "7": [0, 1, 2, 3, 4, 5, 6]}
#: Red bar is base, brown bear novel, the cup is not evaluated; the data set's labels are 2, 5, 9.
TRUTH = {2: 0, 5: 3}


def sample(image_id, labels, **ranked):
    fields = {f"ranked_{size[1:]}": torch.tensor(rows) for size, rows in ranked.items()}
    return dict(img_id=image_id, gt_instances=dict(labels=torch.tensor(labels)), pred_instances=fields)


FIRST = sample(
    7,
    [2, 5, 9],
    n4=[[0, 1, 2, 3], [2, 0, 1, 3], [3, 0, 1, 2]],  # red bar, bear, cup
    n7=[[1, 2, 3, 4, 5], [5, 6, 0, 1, 2], [6, 0, 1, 2, 3]],  # red star, animal, cup
)
SECOND = sample(8, [5], n4=[[3, 2, 0, 1]], n7=[[3, 6, 0, 1, 2]])  # cup; brown bear


@pytest.fixture
def metric():
    metric = VocabularyMetric()
    metric.dataset_meta = {"base": [2], "novel": [5]}
    metric.ask(names=NAMES, offered=OFFERED, truth=TRUTH, levels=LEVELS)
    return metric


def evaluate(metric, *samples):
    metric.process(None, samples)
    return {name.removeprefix("vocabulary/"): value for name, value in metric.evaluate(9).items()}


def test_by_hand_and_twice(metric):
    expected = {
        "4.top_1": 100 / 3,  # red bar
        "4.top_5": 100,
        "4.top_1_base": 100,
        "4.top_1_novel": 0,
        "4.top_1_parent": 200 / 3,  # and bear
        "4.colour": 100,
        "4.shape": 100,
        "4.num_images": 2,
        "4.num_objects": 3,
        "4.num_names": 4,
        "7.top_1": 100 / 3,  # the second brown bear
        "7.top_5": 100 / 3,
        "7.top_1_base": 0,
        "7.top_1_novel": 50,
        "7.top_1_parent": 200 / 3,  # and animal, two levels up
        "7.colour": 100,
        "7.shape": 0,
        "7.num_images": 2,
        "7.num_objects": 3,
        "7.num_names": 7,
    }
    for _ in range(2):
        found = evaluate(metric, FIRST, SECOND, FIRST)  # a sampler pads with a picture
        assert found == pytest.approx(expected)
    np.testing.assert_array_equal(metric.instances["true"], [0, 3, 3])
    np.testing.assert_array_equal(metric.instances["4"][:, 0], [0, 4, 6])


def test_a_child_is_no_parent(metric):
    child = sample(1, [5], n4=[[0, 1, 2, 3]], n7=[[3, 0, 1, 2, 4]])
    metric.ask(names=NAMES, offered=OFFERED, truth={5: 4}, levels=LEVELS)  # a bear called brown bear
    assert evaluate(metric, child)["7.top_1_parent"] == 0


def test_without_levels_and_without_objects(metric):
    metric.ask(names=NAMES, offered={"4": OFFERED["4"]}, truth=TRUTH, levels={})
    assert set(evaluate(metric, SECOND)) == {
        f"4.{name}"
        for name in ("top_1", "top_5", "top_1_novel", "num_images", "num_objects", "num_names")
    }
    assert evaluate(metric) == {"4.num_images": 0, "4.num_objects": 0, "4.num_names": 4}


def test_mistakes(metric):
    with pytest.raises(ValueError, match="no answers of 7 names"):
        metric.process(None, [sample(1, [2], n4=[[0, 1, 2, 3]])])
    with pytest.raises(ValueError, match="2 prompts but 1 answers"):
        metric.process(None, [sample(1, [2, 5], n4=[[0, 1, 2, 3]], n7=[[0, 1, 2, 3, 4]])])
    with pytest.raises(ValueError, match="ovsam test --prompts vocabulary"):
        VocabularyMetric().process(None, [SECOND])
