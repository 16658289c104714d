"""What the semantic model that the package brings does for a user."""

import numpy as np
import pytest

from ovsam.datasets.shapes.classes import CLASS_NAMES
from ovsam.datasets.shapes.world import draw_scene
from ovsam.inference.semantic_predictor import SemanticPredictor
from ovsam.structures.semantic_prediction import UNLABELLED

SEED = 12345  # a world that no stage was trained on

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def predictor():
    return SemanticPredictor.from_pretrained("shapes_escnet", device="cpu")


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(seed=SEED, split="test", index=index) for index in range(20)]


def right_pixels(predictor, scenes, words, places):
    """Part of the pixels of objects that get the name of their object; `places`: class -> word."""
    right = total = 0
    for scene in scenes:
        labels = predictor.segment(scene.image, words).labels
        for mask, label in zip(scene.masks, scene.labels, strict=True):
            right += int((labels[mask] == places[int(label)]).sum())
            total += int(mask.sum())
    return right / total


def test_objects_get_their_names(predictor, scenes):
    """Guessing the shape of a known colour would give 0.1."""
    places = {label: label for label in range(len(CLASS_NAMES))}
    assert right_pixels(predictor, scenes, list(CLASS_NAMES), places) >= 0.6


def test_a_threshold_tells_objects_from_the_background(predictor, scenes):
    left, total = np.zeros(2), np.zeros(2)
    for scene in scenes:
        is_object = scene.masks.any(axis=0)
        unlabelled = predictor.segment(scene.image, threshold=0.25).labels == UNLABELLED
        for place, pixels in enumerate((is_object, ~is_object)):
            left[place] += unlabelled[pixels].sum()
            total[place] += pixels.sum()
    of_objects, of_background = left / total
    assert of_objects <= 0.3
    assert of_background >= 0.85


def test_the_order_of_the_words_does_not_matter(predictor, scenes):
    order = np.random.default_rng(0).permutation(len(CLASS_NAMES))
    words = [CLASS_NAMES[place] for place in order]
    places = {int(label): place for place, label in enumerate(order)}
    found = right_pixels(predictor, scenes[:5], words, places)
    kept = right_pixels(predictor, scenes[:5], list(CLASS_NAMES), {k: k for k in places})
    assert found == pytest.approx(kept, abs=1e-3)


def test_a_saved_model_answers_the_same(predictor, scenes, tmp_path):
    predictor.save_pretrained(tmp_path / "model", licence="Apache-2.0")
    again = SemanticPredictor.from_pretrained(tmp_path / "model", device="cpu")
    for scene in scenes[:3]:
        one, other = predictor.segment(scene.image), again.segment(scene.image)
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
