"""`ovsam predict --semantic` with a tiny model of random weights."""

import json

import numpy as np
import pytest
from PIL import Image

from ovsam.cli import main
from ovsam.datasets.label_maps import read_label_map
from ovsam.datasets.shapes.world import draw_scene
from ovsam.weights import save_weights
from tests.semantic_configs import tiny_predictor

WORDS = ("red circle", "lake", "<b>street</b> 🦄")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `make semantic` would leave, and pictures, one of them broken, two of one stem."""
    root = tmp_path_factory.mktemp("predict")
    predictor = tiny_predictor(root, "catseg")
    target = root / "runs" / "seed_0" / "catseg" / "weights.safetensors"
    save_weights(predictor.model, target, {"config": "mini/catseg", "seed": "0"})
    (root / "photos" / "more").mkdir(parents=True)
    for index, name in enumerate(["a.png", "a.jpg", "more/b.jpg"]):
        scene = draw_scene(seed=0, split="test", index=index)
        Image.fromarray(scene.image[: 128 - 20 * index]).save(root / "photos" / name)
    (root / "photos" / "broken.png").write_bytes(b"")
    return root, predictor


@pytest.fixture
def predict(folder, monkeypatch):
    names = {"semantic": (str(folder[0] / "catseg.py"),), "promptable": ()}
    monkeypatch.setattr("ovsam.inference.hub.QUICKSTART_CONFIGS", names)
    fixed = ("--semantic", "--weights-root", str(folder[0] / "runs"), "--device", "cpu")
    return lambda *arguments: main(["predict", *map(str, arguments), *fixed])


def test_a_folder_goes_on_after_a_broken_picture(folder, predict, tmp_path, capsys):
    root, predictor = folder
    assert predict(root / "photos", "--out", tmp_path, "--vocabulary", *WORDS) == 1
    out, err = capsys.readouterr()
    assert "broken.png: " in err
    assert "1 of 4 pictures failed" in err
    assert "licence" in err
    content = json.loads((tmp_path / "semantic.json").read_text())
    assert [(c["id"], c["name"]) for c in content["categories"]] == list(enumerate(WORDS, start=1))
    assert str(root) not in json.dumps(content)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["classes"] for line in lines] == [image["classes"] for image in content["images"]]
    names = [image["file_name"] for image in content["images"]]
    assert names == ["a.jpg", "a.png", "more/b.jpg"]
    assert len({image["label_map"] for image in content["images"]}) == 3
    for image in content["images"]:
        expected = predictor.segment(root / "photos" / image["file_name"], WORDS)
        values = read_label_map(tmp_path / image["label_map"])
        assert values.dtype == np.uint8
        np.testing.assert_array_equal(values.astype(int) - 1, expected.labels)
        assert (image["height"], image["width"]) == expected.size
    overlay = Image.open(tmp_path / "more" / "b.overlay.png")
    assert overlay.size[0] == 640
    assert overlay.size[1] > 640 * 88 / 192  # with a legend below


def test_threshold_views_and_many_names(folder, predict, tmp_path, capsys):
    root, predictor = folder
    picture = root / "photos" / "a.png"
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"thing {number}" for number in range(300)))
    arguments = ("--vocabulary", names, "--views", "whole", "--threshold", "0.52", "--no-overlays")
    assert predict(picture, "--out", tmp_path / "out", *arguments) == 0
    values = read_label_map(tmp_path / "out" / "a.labels.png", bits=16)
    expected = predictor.segment(picture, names, views="whole", threshold=0.52)
    np.testing.assert_array_equal(values.astype(int) - 1, expected.labels)
    [image] = json.loads((tmp_path / "out" / "semantic.json").read_text())["images"]
    assert image["threshold"] == 0.52
    assert image["unlabelled_area"] == expected.unlabelled_area > 0
    assert not (tmp_path / "out" / "a.overlay.png").exists()
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{a}", "--box", 1, 2, 3, 4], "say what to segment"),
        (["{a}", "--multimask"], "--multimask goes with --box"),
        (["{a}", "--threshold", 2], "threshold must be 0 to 1"),
        (["{a}", "--vocabulary", " "], "vocabulary is empty"),
        (["{a}", "--vocabulary", "no.txt"], "no.txt does not exist"),
        (["{a}", "--max-pixels", 100], "allowed are 100 px"),
        (["{a}", "--model", "mini/ovsam_rn", "--weights", "none"], "without --semantic"),
        (["gone.png"], "gone.png does not exist"),
        (["{folder}/broken.png"], "an empty file"),
    ],
)
def test_mistakes_are_one_line(folder, predict, tmp_path, capsys, arguments, message):
    photos = folder[0] / "photos"
    filled = [str(a).format(a=photos / "a.png", folder=photos) for a in arguments]
    assert predict(*filled, "--out", tmp_path) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_what_is_of_use_with_semantic_models_only_is_said(folder, capsys):
    picture = str(folder[0] / "photos" / "a.png")
    assert main(["predict", picture, "--everything", "--threshold", "0.5"]) == 2
    assert "--views and --threshold go with --semantic" in capsys.readouterr().err
    config = str(folder[0] / "catseg.py")
    box = ["--box", "1", "2", "30", "40"]
    assert main(["predict", picture, *box, "--model", config, "--weights", "none"]) == 2
    assert "ovsam predict --semantic" in capsys.readouterr().err
