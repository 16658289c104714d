"""Missing weights and data are found out before anything is built or logged."""

import os

import pytest

from ovsam.cli import main
from ovsam.engine.checks import check_data


@pytest.mark.parametrize("command", ["train", "test"])
def test_missing_weights_are_one_line_and_leave_no_work_dir(command, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([command, "mini/ovsam_rn", "--work-dir", "out"]) == 2
    printed = capsys.readouterr()
    stem = "sam2clip_rn" if command == "train" else "ovsam_rn"
    assert f"tools/train.py configs/mini/{stem}.py" in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not printed.out
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("command", ["train", "test"])
def test_missing_data_come_before_the_logs_too(command, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # All weights that these need are given.
    config = "mini/image_crop_adapter1" if command == "train" else "mini/image_crop"
    assert main([command, config, "--work-dir", "out"]) == 2
    printed = capsys.readouterr()
    assert "does not exist; run `python tools/prepare_data.py shapes`" in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_every_missing_file_is_named_once(tmp_path):
    (tmp_path / "there.json").touch()

    def dataset(root, file):
        return dict(dataset=dict(data_root=str(root), ann_file=file, vocabulary="shapes"))

    check_data(None, dataset(tmp_path, "there.json"), dataset(tmp_path, ""), dict(dataset=object()))
    mixed = dict(dataset=dict(datasets=[dataset(tmp_path, "a.json")["dataset"]]))
    with pytest.raises(FileNotFoundError) as error:
        check_data(mixed, dataset(tmp_path, "a.json"), dataset(tmp_path / "b", ""))
    assert str(error.value).count("a.json") == 1
    named = dict(dataset=dict(datasets={"one": dataset(tmp_path, "c.json")["dataset"]}))
    with pytest.raises(FileNotFoundError, match=r"c\.json does not exist"):
        check_data(named)
    assert str(error.value).count("/b does not exist") == 1
