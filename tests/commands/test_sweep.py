"""`ovsam sweep`: the order of its runs, its table, and its way with failures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ovsam.benchmark import records
from ovsam.cli import main
from ovsam.commands import sweep
from tests.benchmark.test_records import METRICS, make_record


def test_needs_are_added_and_come_first():
    runs = sweep.find_runs(["mini/ovsam_head"], with_needs=True)
    assert [run.stem for run in runs] == ["sam2clip_rn", "ovsam_rn", "ovsam_head"]
    assert [run.is_trained for run in runs] == [True, True, False]
    assert [run.stem for run in sweep.find_runs(["mini/*_crop"], with_needs=False)] == [
        "feature_crop", "image_crop", "ovsam_image_crop"
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError, match=r"no config fits .*; they are in .*mini, "):
        sweep.find_runs(["mini/none_*"], with_needs=False)


def test_table_of_what_there_is_so_far(tmp_path, capsys):
    runs = sweep.find_runs(["mini/ovsam_rn", "mini/ovsam_head"], with_needs=False)
    for seed, config, accuracy in (
        (0, "ovsam_rn", 50.0),
        (1, "ovsam_rn", 54.0),
        (0, "ovsam_head", 30.0),
    ):
        record = make_record(
            config=f"mini/{config}", seed=seed, method=config, metrics={**METRICS, "accuracy": accuracy}
        )
        records.write(record, tmp_path / f"seed_{seed}" / config / "record_test_box.json")
    sweep.write_table(tmp_path, runs, [0, 1])
    text = (tmp_path / "table.md").read_text()
    assert text in capsys.readouterr().out
    assert "| ovsam_rn | 71.5 ± 0.0 | 66.0 ± 0.0 | 52.0 ± 2.8 |" in text
    assert "| ovsam_head | 71.5 | 66.0 | 30.0 | 55.0 | 36.0 | 1 |" in text
    assert len(records.read_results(tmp_path / "results.json")) == 3


def test_table_of_a_semantic_sweep(tmp_path):
    runs = sweep.find_runs(["catseg/catseg_vitb16_cocostuff_80k"], with_needs=False)
    names, counts = records.metric_names("semantic")
    for dataset, stem, miou in (("A-150", "a150", 31.5), ("PC-59", "pc59", 57.0)):
        record = make_record(
            config="catseg/catseg_vitb16_cocostuff_80k",
            method="CAT-Seg ViT-B/16",
            prompts="semantic",
            dataset=dataset,
            metrics={**dict.fromkeys(names, 50.0), **dict.fromkeys(counts, 2), "miou": miou},
        )
        folder = tmp_path / "seed_0" / "catseg_vitb16_cocostuff_80k"
        records.write(record, folder / f"record_test_semantic_{stem}.json")
    sweep.write_table(tmp_path, runs, [0])
    text = (tmp_path / "table.md").read_text()
    assert "**Sweep on A-150**" in text
    assert "| CAT-Seg ViT-B/16 | 31.5 | 50.0 | 50.0 | 50.0 | 1 |" in text
    assert "| CAT-Seg ViT-B/16 | 57.0 | 50.0 | 50.0 | 50.0 | 1 |" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mini/clip_rn", "--sets", "a150"], "no config of the sweep is tested on label maps"),
        (["mini/no_such"], "no config 'mini/no_such'"),
        (["mini/ovsam_rn"], "--with-needs"),
        (["mini/clip_rn", "--processes", "2"], "need the launcher"),
    ],
)
def test_wrong_use_is_one_clear_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sweep_goes_on_after_a_failure_and_skips_what_is_done(tmp_path):
    """A tiny world: CLIP and SAM train; the crop baseline's test fails, is mended and runs alone."""

    def start(*arguments):
        return subprocess.run(
            (sys.executable, "-m", "ovsam", *arguments),
            cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip

    made = start(
        "prepare_data", "shapes", "--root", "data/shapes",
        "--train", "160", "--val", "12", "--test", "20", "--distill", "10",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    command = ("sweep", "mini/image_crop", "mini/sam_vit", "--with-needs", "--seeds", "0", "1",
               "--cfg-options", "train_cfg.max_epochs=1")  # fmt: skip
    hidden = tmp_path / "data/shapes/images/test"
    hidden.rename(tmp_path / "away")
    first = start(*command)
    assert first.returncode == 1, first.stderr
    assert "4 failed" in first.stderr
    assert "4 of 8 stages done" in first.stderr
    (tmp_path / "away").rename(hidden)
    second = start(*command)
    assert second.returncode == 0, second.stderr
    assert "[4/8] stages are done already" in second.stderr
    table = Path(tmp_path, "work_dirs/sweep/table.md").read_text()
    assert table.count(" | 2 |") == 4  # two rows, two kinds of prompts
    assert "not measured" not in table
