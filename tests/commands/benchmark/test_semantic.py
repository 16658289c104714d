"""`ovsam benchmark semantic`: what it writes, wrong use, and the memory of the largest test."""

import json
import os
import subprocess
import sys

import pytest
import torch

from ovsam.benchmark.memory import peak_tensor_bytes
from ovsam.benchmark.provenance import config_digest
from ovsam.cli import configs_folder, find_config, main
from ovsam.commands.benchmark.results import read_results
from ovsam.engine.configuration import load_config
from ovsam.registry import build_model
from tests.models.segmentors.test_semantic import config as tiny

pytestmark = pytest.mark.seconds

TINY = "parity/catseg_tiny"


def test_result_has_estimate_measurement_and_origin(tmp_path, capsys):
    file = tmp_path / "benchmark.json"
    given = ["--classes", "3", "--size", "64", "80", "--write", str(file), "--json"]
    command = ["benchmark", "semantic", TINY, *given]
    assert main([*command, "--one-view"]) == 0
    assert main([*command, "--classes", "2", "--repeats", "2", "--one-view"]) == 0
    runs = read_results(file)
    assert list(runs) == [f"catseg_tiny_cpu_float32_{n}_64x80" for n in (2, 3)]
    found = runs["catseg_tiny_cpu_float32_3_64x80"]
    assert found["config"] == TINY
    assert found["views_computed"] == "first"
    assert found["weights_gb"] == pytest.approx(4 * 8_621_410 / 1e9, rel=0.05)
    assert found["estimated_gb"] == pytest.approx(found["weights_gb"] + found["tensors_gb"])
    assert found["measured_gb"] >= found["process_before_gb"] > 0.05
    assert "seconds_an_image" not in found  # of one view it would say nothing
    assert found["provenance"]["hardware"]
    assert json.loads(capsys.readouterr().out.splitlines()[0])["classes"] == 3
    file.write_text(file.read_text().replace('"classes": 3', '"classes": 4'))
    with pytest.raises(ValueError, match="changed by hand; measure again with"):
        read_results(file)


def test_time_is_the_median_of_the_timed_images(monkeypatch, capsys):
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])  # 3, 1 and 2 s
    monkeypatch.setattr("ovsam.benchmark.memory.time.perf_counter", lambda: next(clock))
    shown = ["--classes", "2", "--size", "64", "80"]
    assert (
        main(["benchmark", "semantic", TINY, *shown, "--repeats", "3", "--warm-up", "1", "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["seconds_an_image"] == 2.0
    assert found["images_a_second"] == 0.5
    assert found["images_timed"] == 3
    assert found["views_computed"] == "all"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mini/ovsam_rn"], "OpenVocabSam is no semantic segmentor"),
        pytest.param(
            [TINY, "--device", "cuda"],
            "torch sees no GPU here",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
        ),
    ],
)
def test_wrong_use_is_one_clear_line(arguments, message, capsys):
    assert main(["benchmark", "semantic", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("kind", ["catseg", "escnet"])
def test_memory_grows_slowly_with_the_classes_where_they_come_in_chunks(kind):
    """What the model holds of all classes at once is small beside what a chunk of them takes."""
    peaks = []
    for chunk in (0, 4):
        with torch.device("meta"):
            given = tiny(kind)
            if kind == "escnet":
                given["refiner"]["generator"].update(num_regions=2, iterations=1)
            model = build_model(given).eval()
        part = model.refiner if kind == "escnet" else model.aggregator
        part.chunk_size = model.decoder.chunk_size = chunk
        images, texts = torch.empty(1, 3, 64, 64, device="meta"), torch.empty(24, 64, device="meta")
        with torch.no_grad():
            peaks.append(peak_tensor_bytes(lambda m=model, i=images, t=texts: m.class_logits(i, t)))
    assert peaks[1] < peaks[0] / 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_847_classes_at_640_px_need_less_than_10_gb():
    """ESC-Net with ViT-L/14 on a CPU, in a process of its own: the largest resident memory of it all."""
    command = [
        sys.executable,
        "-m",
        "ovsam",
        "benchmark",
        "semantic",
        "escnet/escnet_vitl14_cocostuff_80k",
    ]
    done = subprocess.run(
        [*command, "--classes", "847", "--size", "640", "640", "--one-view", "--json"],
        capture_output=True, text=True, check=True, env=os.environ,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["measured_gb"] < 10
    assert found["estimated_gb"] < found["measured_gb"] < found["estimated_gb"] + 2


def test_committed_memory_is_of_the_config_of_today_and_below_the_limit():
    runs = read_results(configs_folder() / "escnet" / "benchmark.json")
    found = runs["escnet_vitl14_cocostuff_80k_cpu_float32_847_640x640"]
    config = load_config(find_config(found["config"]))
    assert found["config_digest"] == config_digest(config.to_dict()), "measure again, see the README"
    assert found["provenance"]["dirty"] is False
    assert found["estimated_gb"] < found["measured_gb"] < 10
