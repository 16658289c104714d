"""`ovsam measure_clicks` and `ovsam measure_everything` on random weights."""

import json

import pytest

from ovsam.cli import main
from ovsam.commands.measure_clicks import places_in
from ovsam.datasets.shapes.world import draw_scene

RANDOM = ["--model", "mini/ovsam_rn", "--weights", "none"]


def test_clicks_are_timed_and_no_encoder_runs_again(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # the page: tests/demo
    file = tmp_path / "latency.json"
    assert main(["measure_clicks", *RANDOM, "--clicks", "5", "--into", str(file)]) == 0
    [line] = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["through"] == "predictor"
    content = json.loads(file.read_text())
    result = content["milliseconds"]["predictor"]
    assert 0 < result["median"] <= result["p95"]
    assert result["encoder_runs"] == 1
    assert content["config"] == "mini/ovsam_rn"
    assert content["provenance"]["hardware"]
    assert content["provenance"]["seconds"] > 0


def test_clicks_are_on_objects():
    scene = draw_scene(seed=0, split="val", index=0)
    places = places_in(scene, 2 * len(scene.masks) + 1)
    assert len(places) == 2 * len(scene.masks) + 1
    for row, (x, y) in enumerate(places):
        assert scene.masks[row % len(scene.masks)][int(y), int(x)]


def test_everything_is_measured_at_every_threshold_and_both_splits_are_kept(tmp_path, capsys):
    file = tmp_path / "everything.json"
    small = [*RANDOM, "--images", "2", "--points-per-side", "3", "--into", str(file)]
    assert main(["measure_everything", *small, "--stability", "0", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["min_stability"] for line in lines] == [0, 1]
    assert main(["measure_everything", *small, "--split", "test", "--stability", "0.5"]) == 0
    content = json.loads(file.read_text())
    assert set(content) == {"val", "test"}
    assert set(content["val"]["at_stability"]) == {"0", "100"}
    loose, strict = content["val"]["at_stability"].values()
    assert loose["num_objects"] == strict["num_objects"] > 0
    assert loose["masks_per_image"] >= strict["masks_per_image"]
    assert content["test"]["at_stability"].keys() == {"50"}
    assert content["test"]["num_images"] == 2


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["measure_clicks", "--clicks", "0"], "--clicks must be 1 or more"),
        (["measure_everything", "--images", "0"], "--images must be 1 or more"),
        (["measure_everything", "--stability", "1.5"], "min_stability must be in 0..1"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(command, told, capsys):
    assert main([*command, *RANDOM]) == 2
    assert told in capsys.readouterr().err
