"""`ovsam measure_everything` and `measure_label_maps` on random weights."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ovsam.cli import main
from ovsam.commands import measure_everything, measure_label_maps
from ovsam.commands.measure_everything import measured
from ovsam.datasets.shapes.classes import BASE_LABELS, CLASS_NAMES, NOVEL_LABELS
from ovsam.datasets.shapes.world import draw_scene
from ovsam.evaluation.found_objects import FoundObjects, count_found
from ovsam.inference.everything import EverythingSegmenter, GridSettings
from ovsam.inference.predictor import Predictor
from ovsam.inference.semantic_predictor import SemanticPredictor

RANDOM = ["--model", "mini/ovsam_rn", "--weights", "none"]


def test_everything_is_measured_at_every_threshold_and_both_splits_are_kept(tmp_path, capsys):
    file = tmp_path / "everything.json"
    small = [*RANDOM, "--images", "2", "--points-per-side", "3", "--into", str(file)]
    assert main(["measure_everything", *small, "--stability", "0", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["min_stability"] for line in lines] == [0, 1]
    assert main(["measure_everything", *small, "--split", "test", "--stability", "0.5"]) == 0
    content = json.loads(file.read_text())
    assert set(content) == {"val", "test", "sha256"}
    assert set(content["val"]["at_stability"]) == {"0", "100"}
    loose, strict = content["val"]["at_stability"].values()
    assert loose["num_objects"] == strict["num_objects"] > 0
    assert loose["masks_per_image"] >= strict["masks_per_image"]
    assert content["test"]["at_stability"].keys() == {"50"}
    assert content["test"]["num_images"] == 2


def test_what_is_counted_is_what_everything_mode_answers():
    """Remembered clicks change no count, also where a filter drops some of the masks."""
    torch.manual_seed(0)
    predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    scenes = [draw_scene(seed=0, split="val", index=index) for index in (0, 1)]
    loose = GridSettings(points_per_side=3, min_stability=0.0, max_overlap=1.0, max_area=1.0)
    masks = EverythingSegmenter(predictor, loose)(scenes[0].image).masks  # none is stable
    settings = [loose, replace(loose, max_area=float(np.median(masks.mean(axis=(1, 2)))))]
    expected = [FoundObjects(), FoundObjects()]
    for scene in scenes:
        for row, chosen in enumerate(settings):
            found = EverythingSegmenter(predictor, chosen)(scene.image)
            expected[row] += count_found(scene.masks, found.masks)
    assert measured(predictor, scenes, settings) == expected
    assert expected[0].masks > expected[1].masks > 0


def test_numbers_of_everything_mode_are_those_of_the_counts(monkeypatch, capsys):
    counts = FoundObjects(objects=4, masks=6, pairs=3)
    monkeypatch.setattr(measure_everything, "measured", lambda *_: [counts])
    assert main(["measure_everything", *RANDOM, "--images", "2", "--stability", "0.8"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "min_stability": 0.8, "recall": 75.0, "precision": 50.0, "f1": 60.0,
        "masks_per_image": 3.0, "num_objects": 4,
    }  # fmt: skip


class Knowing:
    """Stands for a model: knows the scenes, names them rightly with a score, and the rest wrongly."""

    def __init__(self, scenes, object_score, other_score):
        self.scenes = scenes
        self.scores = object_score, other_score
        self.origin = SimpleNamespace(weights={"file": "0" * 64})

    def segment(self, image):
        [scene] = [scene for scene in self.scenes if np.array_equal(scene.image, image)]
        labels = np.zeros(image.shape[:2], np.int32)
        scores = np.full(image.shape[:2], self.scores[1], np.float32)
        for mask, label in zip(scene.masks, scene.labels, strict=True):
            labels[mask], scores[mask] = label, self.scores[0]
        return SimpleNamespace(labels=labels, scores=scores)


def test_label_maps_are_measured_with_the_threshold_of_the_validation_split(
    tmp_path, capsys, monkeypatch
):
    scenes = [draw_scene(seed=0, split=split, index=i) for split in ("val", "test") for i in (0, 1)]
    # The second seed also needs a threshold above 0.4.
    models = {"a": Knowing(scenes, 0.9, 0.2), "b": Knowing(scenes, 0.8, 0.4)}
    monkeypatch.setattr(measure_label_maps, "_predictor", lambda _, root: models[root])
    file = tmp_path / "label_maps.json"
    common = ["--weights-root", "a", "b", "--images", "2", "--into", str(file)]
    for config in ("mini/one", "mini/other"):
        assert (
            main(["measure_label_maps", config, *common, "--thresholds", "0.1", "0.3", "0.5", "0.85"])
            == 0
        )
    assert json.loads(capsys.readouterr().out.splitlines()[0])["threshold_percent"] == 50
    content = json.loads(file.read_text())
    assert set(content) == {"mini/one", "mini/other", "sha256"}
    found = content["mini/one"]
    assert found["test"]["miou"] == {"mean": 100, "sd": 0}
    assert found["test"]["background"]["mean"] == found["test"]["objects"]["mean"] == 100
    values = found["val_miou"]
    assert values["10"] < values["30"] < values["50"] == 100 > values["85"] > 0
    assert len(found["weights_sha256"]) == found["seeds"] == 2


def test_objects_of_classes_that_are_not_evaluated_count_nowhere():
    for index in range(40):
        scene = draw_scene(seed=0, split="val", index=index)
        truth = measure_label_maps.truth_of(scene)
        for mask, label in zip(scene.masks, scene.labels.tolist(), strict=True):
            evaluated = label in BASE_LABELS | NOVEL_LABELS
            place = sorted(BASE_LABELS | NOVEL_LABELS).index(label) if evaluated else -1
            assert (truth[mask] == place).all()
        assert (truth[~scene.masks.any(axis=0)] == 65).all()


def test_label_maps_of_another_vocabulary_are_refused(monkeypatch):
    model = SimpleNamespace(vocabulary=SimpleNamespace(names=["cat"], name="pets"))
    monkeypatch.setattr(SemanticPredictor, "from_pretrained", lambda *_, **__: model)
    with pytest.raises(ValueError, match=f"'pets', expected .* {len(CLASS_NAMES)} classes"):
        measure_label_maps._predictor("mini/escnet", "root")
