"""The measurement of clicks on random weights, without the page."""

import json
from types import SimpleNamespace

import pytest

from ovsam.datasets.shapes.world import draw_scene
from tests.demo.measure_clicks import main, places_in, summary

RANDOM = ["--model", "mini/ovsam_rn", "--weights", "none"]


def test_clicks_are_timed_and_no_encoder_runs_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # without the page
    file = tmp_path / "latency.json"
    assert main([*RANDOM, "--clicks", "5", "--into", str(file)]) == 0
    [line] = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["through"] == "predictor"
    content = json.loads(file.read_text())
    result = content["milliseconds"]["predictor"]
    assert 0 < result["median"] <= result["p95"]
    assert result["encoder_runs"] == 1
    assert content["config"] == "mini/ovsam_rn"
    assert content["provenance"]["hardware"]
    assert content["provenance"]["seconds"] > 0


def test_median_and_percentile_are_of_the_clicks_and_encoder_runs_of_the_measurement():
    predictor = SimpleNamespace(num_encoder_runs=7)

    def measure():
        predictor.num_encoder_runs += 2
        return [float(ms) for ms in (*range(100, 0, -1), 1000)]

    assert summary(predictor, measure) == {"median": 51.0, "p95": 96.0, "encoder_runs": 2}


def test_clicks_are_on_objects():
    scene = draw_scene(seed=0, split="val", index=0)
    places = places_in(scene, 2 * len(scene.masks) + 1)
    assert len(places) == 2 * len(scene.masks) + 1
    for row, (x, y) in enumerate(places):
        assert scene.masks[row % len(scene.masks)][int(y), int(x)]


def test_a_measurement_without_clicks_is_refused(capsys):
    with pytest.raises(SystemExit):
        main([*RANDOM, "--clicks", "0"])
    assert "--clicks: must be 1 or more, got 0" in capsys.readouterr().err
