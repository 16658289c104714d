"""Everything mode: a stand-in for the predictor that knows the true objects, and the real one."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
import torch

from ovsam.arguments.predict import add_arguments
from ovsam.benchmark.signed import read_signed
from ovsam.benchmark.specs.miniature import EVERYTHING
from ovsam.cli import configs_folder
from ovsam.datasets.shapes.world import draw_scene
from ovsam.inference.everything import EverythingSegmenter, GridSettings, find
from ovsam.inference.predictor import Predictor
from ovsam.structures.prediction import Prediction
from ovsam.structures.vocabulary import Vocabulary

PICTURE = np.zeros((60, 80, 3), np.uint8)
OBJECTS = np.zeros((3, 60, 80), bool)
OBJECTS[0, 5:25, 5:30] = True
OBJECTS[1, 30:55, 40:75] = True
OBJECTS[2, 35:45, 50:60] = True  # on object 1
NAMES = ("cat", "dog", "collar")


class Encoded:
    def __init__(self, picture, left, top):
        self.picture, self.left, self.top = picture, left, top


class Knowing:
    """Answers a click with the smallest object under it, or with all of the background."""

    num_mask_tokens = 1
    max_pixels = 10_000
    max_classes = 10
    vocabulary = Vocabulary.from_names(NAMES)

    def __init__(self):
        self.asked = 0
        self.encoded = 0

    def read_vocabulary(self, words):
        return Vocabulary.from_names([word if isinstance(word, str) else word[0] for word in words])

    def encode(self, picture):
        self.encoded += 1
        # The picture's values tell where the window was cut.
        return Encoded(picture, int(picture[0, 0, 0]), int(picture[0, 0, 1]))

    def predict(self, *, points, vocabulary, multimask, top_k, parents, image, wanted, deadline):
        self.asked += len(points)
        height, width = image.picture.shape[:2]
        window = (slice(image.top, image.top + height), slice(image.left, image.left + width))
        names = NAMES if vocabulary is None else tuple(vocabulary.names)
        masks, labels, scores = [], [], []
        for ((x, y),) in points.round().astype(int):
            hit = [i for i in range(3) if OBJECTS[i][window][y, x]]
            masks.append(OBJECTS[max(hit)][window] if hit else ~OBJECTS.any(0)[window])
            labels.append(names.index(NAMES[max(hit)]) if hit else 0)
            scores.append(0.9 if hit else 0.4)
        masks = np.array(masks)
        boxes = np.zeros((len(masks), 4), np.float32)
        for row, mask in enumerate(masks):
            ys, xs = np.nonzero(mask)
            boxes[row] = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
        found = Prediction(
            masks=masks, boxes=boxes, prompt_index=np.arange(len(masks)),
            stability=np.full(len(masks), 0.95, np.float32),
            mask_logits=np.zeros((len(masks), 2, 2), np.float32),
            class_names=names, labels=np.array(labels), scores=np.array(scores, np.float32),
            top=tuple(((names[label], 0.9),) for label in labels),
        )  # fmt: skip
        return found.rows(wanted(found))


def picture():
    marked = PICTURE.copy()
    marked[..., 0] = np.arange(80)
    marked[..., 1] = np.arange(60)[:, None]
    return marked


@pytest.mark.parametrize("layers", [0, 1])
def test_finds_each_object_once(layers):
    predictor = Knowing()
    settings = GridSettings(points_per_side=12, points_per_batch=7, layers=layers, max_area=0.5)
    segmenter = EverythingSegmenter(predictor, settings)
    found = segmenter(picture())
    assert predictor.asked == 144 + layers * 4 * 36
    assert predictor.encoded == 1 + 4 * layers
    assert sorted(found.names) == sorted(NAMES)
    for name, mask in zip(found.names, found.masks, strict=True):
        np.testing.assert_array_equal(mask, OBJECTS[NAMES.index(name)])
    label_map = found.label_map()
    assert found.names[label_map[40, 55] - 1] == "collar"
    assert found.names[label_map[32, 42] - 1] == "dog"
    assert label_map[0, 0] == 0


def test_what_a_crop_cuts_is_left_to_the_others():
    crops_only = EverythingSegmenter(Knowing(), GridSettings(points_per_side=12, layers=1, max_area=0.5))
    found = crops_only(picture())
    for mask in found.masks:
        assert any((mask == whole).all() for whole in OBJECTS)


def test_filters():
    predictor = Knowing()
    assert len(EverythingSegmenter(predictor, GridSettings(points_per_side=12))(picture())) == 4
    strict = GridSettings(points_per_side=12, min_score=0.5)
    assert sorted(EverythingSegmenter(predictor, strict)(picture()).names) == sorted(NAMES)
    unsure = GridSettings(points_per_side=12, min_stability=0.96)
    assert len(EverythingSegmenter(predictor, unsure)(picture())) == 0
    large = GridSettings(points_per_side=12, min_area=0.1, max_area=0.5)
    assert sorted(EverythingSegmenter(predictor, large)(picture()).names) == ["cat", "dog"]


def test_text_keeps_what_it_names_with_the_others_competing():
    segmenter = EverythingSegmenter(Knowing(), GridSettings(points_per_side=12, max_area=0.5))
    found = segmenter(picture(), keep=["dog", "collar"])
    assert sorted(found.names) == ["collar", "dog"]
    assert found.class_names == ("dog", "collar", "cat")
    with pytest.raises(ValueError, match="list of words"):
        segmenter(picture(), keep="dog")


@pytest.mark.parametrize("wrong", [{"min_score": 2}, {"points_per_side": 0}, {"layers": -1}])
def test_wrong_settings(wrong):
    with pytest.raises(ValueError, match="must be"):
        GridSettings(**wrong)


def test_real_predictor_with_masks_of_several_tokens_and_tiny_pictures():
    torch.manual_seed(0)
    predictor = Predictor.from_pretrained("mini/ovsam_multimask", weights="none", device="cpu")
    scene = draw_scene(seed=1, split="test", index=0)
    settings = GridSettings(points_per_side=3, min_stability=0, min_quality=0, layers=1)
    found = EverythingSegmenter(predictor, settings)(scene.image, vocabulary=["red circle", "blue bar"])
    assert set(found.names) <= {"red circle", "blue bar"}
    assert found.masks.shape[1:] == (192, 192)
    assert (found.prompt_index < 9 + 4 * 1).all()
    tiny = EverythingSegmenter(predictor, replace(settings, layers=0))(np.full((1, 2, 3), 90, np.uint8))
    assert tiny.masks.shape[1:] == (1, 2)
    assert len(find(predictor, scene.image, ["no such thing"], replace(settings, layers=0))) >= 0


def test_the_default_is_the_best_of_the_stabilities_that_find_four_of_five():
    content = read_signed(configs_folder() / "mini/everything.json", part="val")
    enough = {int(k): v for k, v in content["at_stability"].items() if v["recall"] >= 80}
    best = max(enough, key=lambda percent: enough[percent]["f1"]) / 100
    assert GridSettings().min_stability == best
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["picture.png", "--everything"]).min_stability == best
    assert f"find 80 % or more: {best}." in EVERYTHING.notes[0]
