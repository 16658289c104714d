"""The quickstart on a tiny data set: everything is there, and a second run does nothing again."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from ovsam.arguments.quickstart import add_arguments
from ovsam.commands import quickstart

TINY = (
    "--data-options=--train 160 --val 12 --test 20 --distill 40",
    "--cfg-options",
    "train_cfg.max_epochs=1",
)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "1"], "make quickstart SEEDS=1"),
        (["--ablations", "--seeds", "3"], "make ablations SEEDS=3"),
        (["--semantic", "--slots", "4"], "make semantic SEEDS=1 --slots 4"),
        (
            list(TINY),
            "make quickstart SEEDS=1 train_cfg.max_epochs=1 --train 160 --val 12 --test 20 --distill 40",
        ),
    ],
)
def test_times_of_another_run_than_make_s_say_so(arguments, told):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert quickstart._told(parser.parse_args(arguments)) == told


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tiny_quickstart_leaves_everything_and_goes_on_where_it_was(tmp_path):
    def run_all():
        command = (sys.executable, "-m", "ovsam", "quickstart", *TINY)
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}
        )

    first = run_all()
    assert first.returncode == 0, first.stderr
    root = tmp_path / "work_dirs" / "quickstart"
    table = (root / "table.md").read_text()
    assert table in first.stdout
    assert "not measured" not in table
    assert len(json.loads((root / "results.json").read_text())["records"]) == 2 * 9
    page = (root / "report.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == 1 + 2 * 12
    assert {path.name for path in (root / "pictures").iterdir()} == {"box", "center_point"}
    assert (root / "curves.png").stat().st_size > 10_000
    timing = json.loads((root / "timing.json").read_text())
    assert sum(timing["seconds_of_stages"].values()) > 0
    assert timing["provenance"]["hardware"]
    assert timing["command"].startswith("make quickstart SEEDS=1 train_cfg.max_epochs=1")
    (root / "seed_0" / "feature_crop" / "record_test_box.json").unlink()
    second = run_all()
    assert second.returncode == 0, second.stderr
    assert "[6/7] stages are done already" in second.stderr
    assert "test image_crop: done" in second.stderr
    assert (root / "table.md").read_text() == table


def test_a_fresh_run_finds_nothing_of_earlier_ones_but_their_summary(tmp_path):
    for name in ("seed_0/ovsam_rn/weights.safetensors", "kept_pictures/a/b", "data/log", "table.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    quickstart._remove_runs(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["table.md"]
