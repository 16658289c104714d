import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools.coco import COCO
from safetensors.torch import load_file

from ovsam.cli import main
from ovsam.commands.predict import clicks
from ovsam.commands.shared.pictures import find_pictures, short_names
from ovsam.datasets.shapes.world import draw_scene
from ovsam.inference.predictor import Predictor
from ovsam.weights import save_weights
from tests.released import bring, use_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A quickstart's weights (random ones), and pictures, one of them broken."""
    root = tmp_path_factory.mktemp("predict")
    torch.manual_seed(5)
    model = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu").model
    target = root / "runs" / "seed_0" / "ovsam_rn" / "weights.safetensors"
    save_weights(model, target, {"config": "mini/ovsam_rn", "seed": "0"})
    (root / "photos" / "more").mkdir(parents=True)
    for index, name in enumerate(["a.png", "more/b.jpg"]):
        scene = draw_scene(seed=0, split="test", index=index)
        Image.fromarray(scene.image).save(root / "photos" / name)
    (root / "photos" / "broken.png").write_bytes(b"")
    (root / "photos" / "notes.txt").write_text("no picture")
    return root


def predict(folder, *arguments):
    return main(
        ["predict", *map(str, arguments), "--weights-root", str(folder / "runs"), "--device", "cpu"]
    )


def test_a_box_leaves_overlay_json_and_csv(folder, tmp_path, capsys):
    picture = folder / "photos" / "a.png"
    words = ("--vocabulary", "cat", "dog", "<b>street</b> sign 🦄")
    code = predict(
        folder, picture, "--box", 10, 12, 60, 70, "--box", 5, 5, 99, 99, *words, "--out", tmp_path
    )
    assert code == 0
    out, err = capsys.readouterr()
    line = json.loads(out)
    assert line["image"] == str(picture)
    assert len(line["objects"]) == 2
    assert {name for name, _ in line["objects"][0]["top"]} == {"cat", "dog", "<b>street</b> sign 🦄"}
    assert "licence" in err
    coco = COCO(str(tmp_path / "predictions.json"))
    assert [c["name"] for c in coco.cats.values()] == ["cat", "dog", "<b>street</b> sign 🦄"]
    predictor = Predictor.from_pretrained("quickstart", weights_root=folder / "runs", device="cpu")
    predictor.set_image(picture)
    expected = predictor.predict(boxes=[[10, 12, 60, 70], [5, 5, 99, 99]])
    np.testing.assert_array_equal([coco.annToMask(a) for a in coco.anns.values()], expected.masks)
    rows = list(csv.DictReader((tmp_path / "predictions.csv").open(encoding="utf-8")))
    assert [row["area"] for row in rows] == [str(area) for area in expected.areas]
    overlay = Image.open(tmp_path / "a.overlay.png")
    assert overlay.size == (640, 640)
    content = json.loads((tmp_path / "predictions.json").read_text())
    assert str(folder) not in json.dumps(content)
    assert content["info"]["model"] == "mini/ovsam_rn"


def test_without_a_named_model_the_package_answers(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no work_dirs here
    asked = ["predict", str(folder / "photos" / "a.png"), "--box", "10", "12", "60", "70"]
    asked += ["--out", str(tmp_path / "out"), "--device", "cpu"]
    use_folder(monkeypatch, tmp_path / "small")
    assert main(asked) == 2
    assert "this package was built without its weights" in capsys.readouterr().err
    trained = folder / "runs" / "seed_0" / "ovsam_rn" / "weights.safetensors"
    bring("shapes_ovsam", load_file(trained))
    assert main(asked) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["objects"]) == 1
    assert "mini/ovsam_rn, licence of the weights: Apache-2.0, on cpu" in err.splitlines()
    assert "these weights know drawn shapes only" in err.splitlines()
    weights = json.loads((tmp_path / "out" / "predictions.json").read_text())["info"]["weights"]
    assert weights.keys() == {"shapes_ovsam"}
    assert main([*asked, "--weights", str(trained)]) == 2
    assert "name the config mini/ovsam_rn to load" in capsys.readouterr().err


def test_a_folder_goes_on_after_a_broken_picture(folder, tmp_path, capsys):
    code = predict(folder, folder / "photos", "--everything", "--points-per-side", 3, "--out", tmp_path)
    assert code == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["image"].split("/")[-1] for line in out.splitlines()] == ["a.png", "b.jpg"]
    assert "broken.png: " in err
    assert "1 of 3 pictures failed" in err
    images = json.loads((tmp_path / "predictions.json").read_text())["images"]
    assert [image["file_name"] for image in images] == ["a.png", "more/b.jpg"]
    assert (tmp_path / "more" / "b.overlay.png").is_file()


def test_clicks_and_found_words(folder, tmp_path, capsys):
    picture = folder / "photos" / "a.png"
    assert predict(folder, picture, "--point", 30, 40, "--point", 90, 90, 0, "--out", tmp_path) == 0
    assert len(json.loads(capsys.readouterr().out)["objects"]) == 1
    found = predict(
        folder,
        picture,
        "--find",
        "red circle",
        "--points-per-side",
        2,
        "--no-overlays",
        "--out",
        tmp_path,
    )
    assert found == 0
    names = {o["name"] for o in json.loads(capsys.readouterr().out)["objects"]}
    assert names <= {"red circle"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{a}"], "say what to segment"),
        (["{a}", "--everything", "--box", 1, 2, 3, 4], "say what to segment"),
        (["{a}", "--point", 5], "--point takes X Y"),
        (["{a}", "--point", 500, 4], "outside the image of 192 x 192 px"),
        (["{a}", "--box", 9, 9, 3, 4], "corners reversed"),
        (["{a}", "--box", 1, 2, 9, 9, "--vocabulary", " "], "vocabulary is empty"),
        (["{a}", "--box", 1, 2, 9, 9, "--vocabulary", "no.txt"], "no.txt does not exist"),
        (["{a}", "--box", 1, 2, 9, 9, "--max-pixels", 100], "allowed are 100 px"),
        (["gone.png", "--everything"], "gone.png does not exist"),
        (["{folder}/*.bmp", "--everything"], "matches no picture"),
        (["{folder}/broken.png", "--everything"], "an empty file"),
        (["{folder}/notes.txt", "--everything"], "no picture"),
    ],
)
def test_mistakes_are_one_line(folder, tmp_path, capsys, arguments, message):
    photos = folder / "photos"
    filled = [str(a).format(a=photos / "a.png", folder=photos) for a in arguments]
    assert predict(folder, *filled, "--out", tmp_path) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_names_of_pictures(folder):
    photos = folder / "photos"
    paths = find_pictures([str(photos / "a.png"), str(photos), str(photos / "*.png")])
    assert [p.name for p in paths] == ["a.png", "broken.png", "b.jpg"]
    assert list(short_names(paths).values()) == ["a.png", "broken.png", "more/b.jpg"]
    assert clicks([[1, 2], [3, 4, 0]]) == ([[1, 2], [3, 4]], [1, 0])
    assert clicks(None) == (None, None)


def test_random_weights_are_called_random(folder, tmp_path, capsys):
    random = ("--model", "mini/ovsam_rn", "--weights", "none", "--no-overlays", "--out", tmp_path)
    assert predict(folder, folder / "photos" / "a.png", "--box", 10, 12, 60, 70, *random) == 0
    assert "mini/ovsam_rn, random weights: its answers mean nothing" in capsys.readouterr().err


def test_parents_are_printed_beside_the_names(folder, tmp_path, capsys):
    picture = folder / "photos" / "a.png"
    names = ("--vocabulary", "red circle", "blue bar", "--parents", "shapes")
    asked = (picture, "--box", 10, 20, 90, 80, *names, "--out", tmp_path / "out", "--no-overlays")
    assert predict(folder, *asked) == 0
    [found] = json.loads(capsys.readouterr().out)["objects"]
    assert [group[0] for group in found["parents"]] == ["colour", "shape", "pattern"]
    assert found["parents"][0][1] == found["name"].split()[0]
    assert predict(folder, picture, "--semantic", "--parents", "shapes") == 2
    assert "--parents goes with" in capsys.readouterr().err
