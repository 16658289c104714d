"""The semantic predictor on tiny CAT-Seg and ESC-Net with random weights."""

import json
import threading
import time

import cv2
import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from PIL import Image

from ovsam.datasets.label_maps import read_label_map, write_label_map
from ovsam.engine.configuration import load_config
from ovsam.engine.evaluation import evaluate_semantic
from ovsam.engine.runner import Runner
from ovsam.inference.predictor import Predictor
from ovsam.inference.semantic_predictor import SemanticPredictor
from ovsam.integrations.semantic_files import image_entry
from ovsam.ops.windows import SlidingViews, WholeView
from ovsam.structures.semantic_prediction import UNLABELLED, SemanticPrediction
from ovsam.weights import save_weights
from tests.semantic_configs import tiny_predictor, write_config

KINDS = ("catseg", "escnet")
RNG = np.random.default_rng(3)
PICTURE = np.kron(RNG.integers(0, 255, (9, 12, 3), dtype=np.uint8), np.ones((9, 8, 1), np.uint8))
SIZE = PICTURE.shape[:2]  # 81, 96: is resized to a short side of 56
WORDS = ["tree", "lake", "<b>red</b> barn", "🦄", "{}", "cat"]


@pytest.fixture(scope="module")
def predictors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("semantic")
    return {kind: tiny_predictor(folder, kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def predictor(request, predictors):
    predictors[request.param].set_vocabulary(None)
    return predictors[request.param]


@pytest.mark.seconds
def test_answers_what_the_test_command_answers(predictor, tmp_path):
    """The real reader, pipeline, Runner and loop of tools/test.py on files of two sizes."""
    pictures = {"a": PICTURE, "b": PICTURE[:70, :50]}
    for stem, picture in pictures.items():
        path = tmp_path / "ADEChallengeData2016/images/validation" / f"{stem}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
        labels = np.zeros(picture.shape[:2], np.uint8)
        write_label_map(tmp_path / "labels150/validation" / f"{stem}.png", labels)
    kind = predictor.origin.config.split("/")[-1]
    names = 'dict(type=get_vocabulary, name="ade20k_150")'
    config = load_config(write_config(tmp_path, kind, names))
    config.test_dataloader.dataset.data_root = str(tmp_path)
    config.update(work_dir=str(tmp_path / "work"), experiment_name=f"semantic_{kind}", test_cfg={})
    runner = Runner.from_config(config)
    runner.bare_model.load_state_dict(predictor.model.state_dict())
    found = {}

    class Collect(Hook):
        def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            found.update({s.img_id: (s.pred_sem_seg, s.pred_scores) for s in outputs})

    runner.register_hook(Collect())
    evaluate_semantic(runner, config)
    assert found.keys() == {"a", "b"}
    for stem, (labels, scores) in found.items():
        path = tmp_path / "ADEChallengeData2016/images/validation" / f"{stem}.jpg"
        answer = predictor.segment(path, "ade20k_150")
        np.testing.assert_array_equal(answer.labels, labels.numpy())
        np.testing.assert_array_equal(answer.scores, scores.numpy())
        assert len(np.unique(answer.labels)) > 1


def test_saved_model_answers_the_same_and_says_where_it_comes_from(predictor, tmp_path):
    expected = predictor.segment(PICTURE)
    saved = predictor.save_pretrained(tmp_path / "model", licence="MIT", data="nothing")
    again = SemanticPredictor.from_pretrained(saved, device="cpu")
    np.testing.assert_array_equal(again.segment(PICTURE).labels, expected.labels)
    assert again.vocabulary == predictor.vocabulary
    assert again.origin.short_side == (56, 200)  # else the picture would be shown in another size
    card = (saved / "README.md").read_text()
    assert "pipeline_tag: image-segmentation" in card
    assert "SemanticPredictor.from_pretrained" in card
    assert "cat, dog, sky, road" in card
    assert str(tmp_path) not in card + (saved / "config.json").read_text()
    again.save_pretrained(tmp_path / "third")
    content = json.loads((tmp_path / "third" / "config.json").read_text())
    assert content["short_side"] == [56, 200]
    assert content["model"]["vocabulary"]["novel"] == [3]


def test_other_ways_to_name_the_same_weights(predictor, tmp_path, monkeypatch):
    kind = predictor.origin.config.split("/")[-1]
    config, folder = write_config(tmp_path, kind), tmp_path / "runs" / "seed_1" / kind
    save_weights(predictor.model, folder / "weights.safetensors", {"config": str(config)})
    names = {"semantic": ("mini/gone", str(config)), "promptable": ()}
    monkeypatch.setattr("ovsam.inference.hub.QUICKSTART_CONFIGS", names)
    expected = predictor.segment(PICTURE).labels
    for source, options in (
        (folder, {}),
        (folder / "weights.safetensors", {}),
        (config, {"weights": folder / "weights.safetensors"}),
        ("quickstart", {"weights_root": tmp_path / "runs"}),
    ):
        found = SemanticPredictor.from_pretrained(source, device="cpu", **options)
        np.testing.assert_array_equal(found.segment(PICTURE).labels, expected)
    with pytest.raises(FileNotFoundError, match=r"no weights of a semantic model below .*make semantic"):
        SemanticPredictor.from_pretrained("quickstart", weights_root=tmp_path / "none")


def test_models_of_the_other_kind_are_refused(predictor, tmp_path):
    with pytest.raises(ValueError, match=r"use ovsam\.inference\.semantic_predictor.SemanticPredictor"):
        Predictor(predictor.model)
    with pytest.raises(ValueError, match=r"use ovsam\.inference\.predictor.Predictor"):
        SemanticPredictor.from_pretrained("mini/ovsam_rn", weights="none")


def test_probabilities_give_the_same_map(predictor):
    plain = predictor.segment(PICTURE, WORDS)
    full = predictor.segment(PICTURE, WORDS, with_probs=True)
    assert plain.probs is None
    assert full.probs.shape == (6, *SIZE)
    np.testing.assert_array_equal(full.labels, plain.labels)
    np.testing.assert_allclose(full.probs.max(axis=0), plain.scores)


def test_threshold_leaves_doubtful_pixels_unlabelled(predictor):
    forced = predictor.segment(PICTURE, WORDS)
    middle = float(np.sort(forced.scores, axis=None)[forced.scores.size // 2])  # one of them: it stays
    cut = predictor.segment(PICTURE, WORDS, threshold=middle)
    doubtful = forced.scores < middle
    assert 0 < doubtful.mean() < 1
    np.testing.assert_array_equal(cut.labels == UNLABELLED, doubtful)
    np.testing.assert_array_equal(cut.labels[~doubtful], forced.labels[~doubtful])
    assert forced.unlabelled_area == 0
    assert cut.unlabelled_area == doubtful.sum()
    assert sum(found.area for found in cut.found) == (~doubtful).sum()


def test_views_are_what_their_names_say(predictor):
    assert predictor._views("model") is predictor.model.views
    assert predictor._views("five") is predictor.model.views  # its own five
    whole = predictor._views("whole")
    assert whole == WholeView(size=32, pad_multiple=1)
    one = predictor.segment(PICTURE, WORDS, views="whole")
    assert (one.labels != predictor.segment(PICTURE, WORDS).labels).any()
    own = predictor.model.views
    try:
        predictor.model.views = WholeView(size=32)
        assert predictor._views("whole") is predictor.model.views
        five = predictor._views("five")
        assert five == SlidingViews(size=53, window=32, stride=21)
        assert five.split(torch.zeros(3, 40, 50)).shape == (5, 3, 32, 32)
    finally:
        predictor.model.views = own


@pytest.mark.seconds
def test_very_many_words_are_narrowed_to_those_that_fit(predictors):
    """CAT-Seg computes no more than its cap anyway, so narrowing must not change what it says."""
    words = [f"thing {number}" for number in range(700)]
    for kind, predictor in predictors.items():
        exact = predictor.segment(PICTURE, words)
        assert exact.num_computed == 700
        narrow = SemanticPredictor(predictor.model, origin=predictor.origin, max_computed=600)
        found = narrow.segment(PICTURE, words, with_probs=True)
        assert found.num_computed < 700
        assert found.probs.shape == (700, *SIZE)
        assert (found.probs.max(axis=(1, 2)) > 0).sum() <= found.num_computed
        if kind == "catseg":
            np.testing.assert_array_equal(found.labels, exact.labels)
            np.testing.assert_array_equal(narrow.segment(PICTURE, words).labels, exact.labels)


@pytest.mark.seconds
def test_ten_thousand_words_leave_memory_alone(predictors, monkeypatch):
    """All logits of all words at once would be the largest tensor by far."""
    predictor, largest = predictors["escnet"], []
    logits = predictor.model.class_logits
    monkeypatch.setattr(
        predictor.model,
        "class_logits",
        lambda images, texts: (largest.append(len(texts)), logits(images, texts))[1],
    )
    found = predictor.segment(PICTURE, [f"word {number}" for number in range(10_000)])
    assert max(largest) <= 5 * 256
    assert found.num_computed == max(largest)
    assert len(found.class_names) == 10_000
    assert found.file_values().dtype == np.uint16


def test_large_pictures_take_fewer_classes_at_once(predictors, monkeypatch):
    predictor, at_once = predictors["catseg"], []
    expected = predictor.segment(PICTURE, WORDS).labels
    merge = SlidingViews.merge
    monkeypatch.setattr(
        SlidingViews,
        "merge",
        lambda self, maps, *rest: (at_once.append(maps.shape[1]), merge(self, maps, *rest))[1],
    )
    monkeypatch.setattr(
        "ovsam.models.segmentors.semantic_base.MAX_CHUNK_VALUES", 2 * SIZE[0] * SIZE[1] + 5
    )
    np.testing.assert_array_equal(predictor.segment(PICTURE, WORDS).labels, expected)
    assert at_once == [2, 2, 2]


def test_vocabulary_by_list_file_or_known_name(predictor, tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("# colours\nsky\n\nroad, street\nSKY\n")
    assert predictor.segment(PICTURE, file).class_names == ("sky", "road, street")
    assert predictor.segment(PICTURE, ["cat", "dog", "Cat", " "]).class_names == ("cat", "dog")
    assert len(predictor.segment(PICTURE, "voc_20").class_names) == 20
    assert predictor.segment(PICTURE).class_names == ("cat", "dog", "sky", "road")
    predictor.set_vocabulary(["a", "b"])
    assert predictor.segment(PICTURE).class_names == ("a", "b")
    assert predictor.segment(PICTURE, WORDS).class_names == tuple(WORDS)
    predictor.set_vocabulary(None)
    assert predictor.vocabulary.names == ["cat", "dog", "sky", "road"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"vocabulary": []}, ValueError, "vocabulary is empty"),
        ({"vocabulary": [" ", ""]}, ValueError, "vocabulary is empty"),
        ({"vocabulary": [5]}, ValueError, "must be text"),
        ({"vocabulary": "gone.txt"}, FileNotFoundError, "gone.txt does not exist"),
        ({"vocabulary": "sky"}, ValueError, "neither a known list"),
        ({"threshold": 1.5}, ValueError, "threshold must be 0 to 1"),
        ({"threshold": float("nan")}, ValueError, "threshold must be 0 to 1"),
        ({"views": "six"}, ValueError, "views must be model, whole, five"),
        ({"image": "gone.png"}, FileNotFoundError, "gone.png does not exist"),
        ({"image": b""}, ValueError, "empty"),
        ({"image": b"\xff\xd8no"}, ValueError, "broken"),
        ({"image": np.zeros((4, 5, 2), np.uint8)}, ValueError, "must be"),
        ({"image": np.zeros((101, 100, 3), np.uint8)}, ValueError, "allowed are 10,000"),
        ({"image": 5}, TypeError, "image must be"),
        ({"seconds": 0.0}, TimeoutError, "more than 0 seconds; give fewer words"),
    ],
)
def test_what_does_not_fit_is_said(predictors, arguments, error, message):
    predictor = SemanticPredictor(predictors["catseg"].model, max_pixels=10_000)
    with pytest.raises(error, match=message):
        predictor.segment(**{"image": PICTURE, "vocabulary": WORDS, **arguments})
    assert predictor.segment(PICTURE, WORDS).size == SIZE  # and goes on


def test_probabilities_that_would_fill_memory_are_refused(predictors, monkeypatch):
    monkeypatch.setattr("ovsam.inference.semantic_predictor.MAX_PROBS_BYTES", 3 * SIZE[0] * SIZE[1] * 4)
    with pytest.raises(ValueError, match=r"6 classes on 96 x 81 px take too much memory.*at most 3"):
        predictors["catseg"].segment(PICTURE, WORDS, with_probs=True)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2)])
def test_odd_pictures_keep_their_size(predictor, shape):
    assert predictor.segment(np.zeros((*shape, 3), np.uint8), WORDS).size == shape


def test_threads_do_not_mix_their_words(predictors, monkeypatch):
    """One computes at a time: a deadline's hooks on the model would stop the others, too."""
    predictor, busy, most = predictors["escnet"], [], []
    logits = predictor.model.class_logits

    def slowly(images, texts):
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.02)
        found = logits(images, texts)
        busy.pop()
        return found

    monkeypatch.setattr(predictor.model, "class_logits", slowly)
    lists = [[f"{letter}{number}" for number in range(4)] for letter in "abcd"]
    expected = [predictor.segment(PICTURE, words).labels for words in lists]
    found: dict = {}

    def work(row):
        found[row] = predictor.segment(PICTURE, lists[row], seconds=300)

    threads = [threading.Thread(target=work, args=(row,)) for row in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert found.keys() == {0, 1, 2, 3}
    for row, answer in found.items():
        assert answer.class_names == tuple(lists[row])
        np.testing.assert_array_equal(answer.labels, expected[row])
    assert not any(part._forward_pre_hooks for part in predictor.model.modules())


def test_a_file_and_its_json_give_the_label_map_back(predictors, tmp_path):
    for number in (4, 300):
        names = [f"n{row}" for row in range(number)]
        answer = predictors["catseg"].segment(PICTURE, names, threshold=0.4)
        write_label_map(tmp_path / "map.png", answer.file_values())
        assert read_label_map(tmp_path / "map.png").dtype == (np.uint8 if number == 4 else np.uint16)
        assert cv2.imread(str(tmp_path / "map.png"), cv2.IMREAD_UNCHANGED).ndim == 2
        values = read_label_map(tmp_path / "map.png").astype(int)
        np.testing.assert_array_equal(values - 1, answer.labels)
        image = image_entry("a.png", answer, "map.png")
        for row in image["classes"]:
            assert names[row["id"] - 1] == row["name"]
            assert (values == row["id"]).sum() == row["area"]
            score = answer.scores[values == row["id"]].mean()
            assert row["score"] == pytest.approx(score, abs=1e-4)
        assert image["unlabelled_area"] == (values == 0).sum()
        assert image["classes"] == sorted(image["classes"], key=lambda row: -row["area"])


def test_masks_by_name_and_number():
    labels = np.array([[0, 1], [UNLABELLED, 1]], np.int32)
    answer = SemanticPrediction(labels, np.ones((2, 2), np.float32), ("cat", "dog", "bus"))
    assert answer.mask("dog").tolist() == [[False, True], [False, True]]
    assert answer.mask(0).sum() == 1
    assert answer.mask("bus").sum() == 0
    assert answer.names == ["dog", "cat"]
    for wrong in ("cow", 3, -1):
        with pytest.raises(ValueError, match=r"cow|a label must be 0\.\.2"):
            answer.mask(wrong)
