"""The page's answers without a browser, on random weights."""

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ovsam.arguments.demo import add_arguments
from ovsam.commands import demo
from ovsam.datasets.label_maps import read_label_map
from ovsam.datasets.shapes.world import draw_scene
from ovsam.demo.click_tab import with_box
from ovsam.demo.downloads import KEPT_ANSWERS, Downloads
from ovsam.demo.marks import Marks
from ovsam.demo.service import DemoService, Limits, split_words
from ovsam.demo.texts import classes_table, escaped
from ovsam.demo.word_lists import OWN_WORDS
from ovsam.inference.predictor import Predictor
from ovsam.structures.semantic_prediction import UNLABELLED, SemanticPrediction
from ovsam.weights import save_weights, shipped
from tests.semantic_configs import tiny_predictor, write_config

SCENE = draw_scene(seed=0, split="test", index=3)
CLICK = Marks().add(30, 40, "object")


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(4)
    return Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")


@pytest.fixture
def service(predictor):
    limits = Limits(words=6, encoded=2, clicks=4, file_bytes=1000, kept_bytes=500_000)
    return DemoService(predictor, limits)


@pytest.fixture(scope="module")
def mapping(predictor, tmp_path_factory):
    """With a semantic model beside the promptable one."""
    semantic = tiny_predictor(tmp_path_factory.mktemp("semantic"), "escnet")
    return DemoService(predictor, Limits(words=6), semantic)


def test_semantic_maps_have_the_words_and_limits_of_the_page(mapping, service, tmp_path):
    picture = mapping.picture(SCENE.image[:100], "x")
    found = mapping.segment(picture, words=["lake", "red circle"], views="whole", threshold=0.2)
    expected = mapping.semantic.segment(
        SCENE.image[:100], ["lake", "red circle"], views="whole", threshold=0.2
    )
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert mapping.segment(picture, words=OWN_WORDS).class_names == ("cat", "dog", "sky", "road")
    shown = mapping.draw_map(picture, found)
    assert shown.shape[1] == 640
    assert shown.shape[0] > 640 * 100 / 192  # and a legend
    secret = tmp_path / "names.txt"
    secret.write_text("secret one")
    assert mapping.segment(picture, words=[str(secret)]).class_names == (str(secret),)
    with pytest.raises(ValueError, match="unknown list of words"):
        mapping.segment(picture, words=str(secret))
    with pytest.raises(ValueError, match="7 words, at most 6"):
        mapping.segment(picture, words=[f"w{i}" for i in range(7)])
    slow = DemoService(mapping.predictor, Limits(seconds=0.0), mapping.semantic)
    whole = slow.picture(SCENE.image, "x")
    with pytest.raises(TimeoutError, match="fewer words"):
        slow.segment(whole)
    with pytest.raises(ValueError, match="no semantic model"):
        service.segment(picture)


def test_legend_and_files_of_a_map_tell_the_same(mapping):
    words = ["<b>lake</b>", "${sea}"]
    found = mapping.segment(mapping.picture(SCENE.image, "x"), words=words, threshold=0.5)
    table = classes_table(found)
    assert "<b>" not in table
    assert "&lt;b&gt;lake" in table or "&#36;&#123;sea}" in table
    downloads = Downloads({"model": "one"})
    try:
        values, description = map(Path, downloads.write_map("a", found, {"model": "two"}))
        np.testing.assert_array_equal(read_label_map(values).astype(int) - 1, found.labels)
        content = json.loads(description.read_text())
        assert content["info"]["model"] == "two"
        [image] = content["images"]
        assert image["label_map"] == values.name
        for row in image["classes"]:
            assert f"<td>{row['area']:,}</td>" in table
        assert str(downloads.folder) not in description.read_text()
    finally:
        downloads.close()


def test_a_map_without_names_says_so():
    labels = np.full((4, 5), UNLABELLED, np.int32)
    table = classes_table(SemanticPrediction(labels, np.zeros((4, 5), np.float32), ("cat",)))
    assert "<td>without a name</td><td>100.0 %</td>" in table


def test_the_semantic_model_is_found_or_named(mapping, tmp_path, monkeypatch, capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    names = {"semantic": (str(write_config(tmp_path, "escnet")),), "promptable": ()}
    monkeypatch.setattr("ovsam.inference.hub.QUICKSTART_CONFIGS", names)
    fixed = ["--weights-root", str(tmp_path / "runs")]
    drawn = Predictor.from_pretrained("shapes_ovsam", device="cpu")

    def found(*given, predictor=drawn):
        return demo.semantic_of(parser.parse_args([*given, "--device", "cpu"]), predictor)

    assert found(*fixed) is None
    assert "no tab for semantic maps" in capsys.readouterr().err
    weights = tmp_path / "runs/seed_0/escnet/weights.safetensors"
    save_weights(mapping.semantic.model, weights, {"config": names["semantic"][0]})
    assert found(*fixed).origin.config.endswith("/escnet")
    assert found(*fixed, "--semantic-model", "none") is None
    assert found().origin.weights.keys() == {"shapes_escnet"}
    assert found("--model", "shapes_ovsam").origin.weights.keys() == {"shapes_escnet"}
    assert found(predictor=mapping.predictor) is None  # it does not say that it knows drawn shapes
    named = found("--semantic-model", str(weights), predictor=mapping.predictor)
    assert "Semantic maps: `" in demo.about(mapping.predictor, named)
    with pytest.raises(ValueError, match="goes with --semantic-model"):
        found(*fixed, "--semantic-weights", "x.safetensors")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)  # a package without weights
    assert found() is None
    assert "no tab for semantic maps: shapes_escnet: this package was built" in capsys.readouterr().err


def test_the_page_says_what_the_weights_do_not_know(predictor, monkeypatch):
    assert "Note" not in demo.about(predictor)
    limits = "these weights know drawn shapes only"
    monkeypatch.setattr(predictor, "origin", replace(predictor.origin, limits=limits))
    assert f"**Note:** {limits}." in demo.about(predictor)


def test_a_picture_is_encoded_once_and_the_oldest_forgotten(service):
    pictures = [service.picture(np.full((60, 50 + i, 3), i, np.uint8), "a.b.png") for i in range(3)]
    before = service.predictor.num_encoder_runs
    for _ in range(5):
        service.answer(pictures[0], CLICK)
    assert service.predictor.num_encoder_runs == before + 1
    for picture in (*pictures[1:], pictures[0]):
        service.answer(picture, CLICK)
    assert service.predictor.num_encoder_runs == before + 4
    assert pictures[0].name == "a_b"


@pytest.mark.seconds
def test_memory_does_not_grow_over_200_requests(service, resident_kilobytes):
    """Pictures, words and clicks of many visitors: only the last few of each are kept."""

    def use(start, number):
        for i in range(start, start + number):
            shade = np.full_like(SCENE.image, i)
            words = [f"word {i // 5}", "dog"]
            picture = service.picture(shade, "x")
            found = service.answer(picture, CLICK, words)
            if i % 5 == 0:
                service.draw(picture, CLICK, found)

    use(0, 15)
    before = resident_kilobytes()
    use(15, 200)
    assert resident_kilobytes() - before < 20_000


def test_words_of_visitors_are_never_files(service, tmp_path):
    picture = service.picture(SCENE.image, "x")
    secret = tmp_path / "names.txt"
    secret.write_text("secret one\nsecret two")
    found = service.answer(picture, CLICK, [str(secret), "dog"])
    assert str(secret).rpartition("/")[2] in " ".join(found.class_names)
    assert not any("secret" in name for name in found.class_names)
    with pytest.raises(ValueError, match="unknown list of words"):
        service.answer(picture, CLICK, str(secret))
    assert service.answer(picture, CLICK, OWN_WORDS).class_names[0] == "red circle"


def test_limits_are_said(service):
    picture = service.picture(SCENE.image, "x")
    with pytest.raises(ValueError, match="7 words, at most 6"):
        service.answer(picture, CLICK, [f"w{i}" for i in range(7)])
    many = Marks((CLICK.clicks[0],) * 5)
    with pytest.raises(ValueError, match="at most 4 clicks"):
        service.answer(picture, many)
    with pytest.raises(ValueError, match="the file has"):
        service.open(bytes(1001))
    with pytest.raises(ValueError, match="click on an object"):
        service.answer(picture, Marks().add(3, 3, "not this"))
    with pytest.raises(ValueError, match="7 words, at most 6"):
        service.everything(picture, points_per_side=2, keep=[f"w{i}" for i in range(7)])
    slow = DemoService(service.predictor, Limits(seconds=0.0))
    assert slow.picture(SCENE.image, "x") == picture
    with pytest.raises(TimeoutError, match="fewer points"):
        slow.everything(picture, points_per_side=8)
    with pytest.raises(TimeoutError, match="fewer words"):
        slow.answer(picture, CLICK, ["dog", "cat"])
    assert service.answer(picture, CLICK).names  # and goes on
    assert not any(part._forward_pre_hooks for part in service.predictor.model.modules())


def test_shown_places_are_pixels_of_the_picture(service):
    picture = service.picture(np.zeros((50, 100, 3), np.uint8), "x")
    assert picture.shown_side == 640
    assert service.draw(picture, Marks()).shape == (320, 640, 3)
    assert picture.from_shown(639.9, 319.9) == (99, 49)
    assert picture.from_shown(6.5, 12.7) == (1, 1)
    assert picture.from_shown(700, 400) == (99, 49)


def test_a_waiting_corner_does_not_mix_with_a_drawn_box():
    marks = Marks().add(1, 2, "corner").add(5, 5, "object")
    drawn = with_box(marks, 10, 20, 30, 40)
    assert drawn.box == (10, 20, 30, 40)
    assert drawn.points == [(5, 5)]


def test_old_downloads_go(service):
    found = service.answer(service.picture(SCENE.image, "x"), CLICK)
    downloads = Downloads({})
    try:
        paths = [downloads.write("a", found) for _ in range(KEPT_ANSWERS + 3)]
        assert len(list(downloads.folder.iterdir())) == KEPT_ANSWERS
        assert Path(paths[-1][0]).read_bytes()[:4] == b"\x89PNG"
    finally:
        downloads.close()
    assert not downloads.folder.exists()


def test_texts_are_neither_html_nor_templates():
    assert escaped("<b>${1}{{2}}</b>") == "&lt;b&gt;&#36;&#123;1}&#123;&#123;2}}&lt;/b&gt;"
    assert split_words(" a b,\n,c;d ") == ["a b", "c", "d"]


def run_without_serving(monkeypatch, predictor, *arguments, error=None):
    """Run the command up to the page, which raises `error`; what the model was loaded with."""
    settings = {}

    class Unservable:
        downloads = io.StringIO()  # something to close

        def launch(self, **_):
            if error is not None:
                raise error

    def load(*_, **given):
        settings.update(given)
        return predictor

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(demo.Predictor, "from_pretrained", load)
    monkeypatch.setattr(demo, "Page", lambda *_: Unservable())
    demo.run(parser.parse_args([*arguments, "--semantic-model", "none"]))
    return settings


@pytest.mark.parametrize("error", [OSError("in use"), OverflowError("port must be 0-65535")])
def test_a_port_that_cannot_be_had_is_a_clear_error(error, mapping, monkeypatch):
    with pytest.raises(ValueError, match=rf"cannot serve: {error}; choose another --port"):
        run_without_serving(monkeypatch, mapping.predictor, "--port", "99999999", error=error)


@pytest.mark.parametrize("compiles", [True, False])
def test_a_model_that_is_compiled_answers_before_the_page_opens(compiles, mapping, monkeypatch):
    predictor, asked = mapping.predictor, ["--compile"] if compiles else []
    before, answered, predict = predictor.num_encoder_runs, [], predictor.predict
    monkeypatch.setattr(predictor, "predict", lambda **given: answered.append(given) or predict(**given))
    assert run_without_serving(monkeypatch, predictor, *asked)["compile"] is compiles
    assert predictor.num_encoder_runs - before == compiles
    assert [next(iter(given)) for given in answered] == ["points", "boxes"] * 2 * compiles


def test_examples_whose_things_are_in_full_view_come_first():
    scenes = [draw_scene(seed=0, split="val", index=index) for index in range(6)]
    visible = {scene.image.tobytes(): scene.visible_fractions.min() for scene in scenes}
    examples = demo.examples_of(None)
    for name, picture in examples:
        assert np.array_equal(scenes[int(name.split()[1])].image, picture)
    shown = [visible[picture.tobytes()] for _, picture in examples]
    assert shown == sorted(visible.values(), reverse=True)
    assert shown[0] == 1 > shown[-1]
