import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from ovsam.commands import prepare_data

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ["--size", "32", "--train", "3", "--val", "2", "--test", "2", "--distill", "2", "--workers", "1"]


def call(*arguments: object) -> None:
    parser = argparse.ArgumentParser()
    prepare_data.add_arguments(parser)
    prepare_data.run(parser.parse_args([str(argument) for argument in arguments]))


def test_shapes_are_written_once(tmp_path, capsys):
    root = tmp_path / "shapes"
    call("shapes", "--root", root, *SMALL)
    assert "train 3, val 2, test 2, distill 2 images" in capsys.readouterr().out
    call("shapes", "--root", root, *SMALL)
    assert "is there already" in capsys.readouterr().out


def test_other_settings_need_force(tmp_path):
    root = tmp_path / "shapes"
    call("shapes", "--root", root, *SMALL)
    with pytest.raises(ValueError, match=r"seed: 0 there, 1 asked.*--force"):
        call("shapes", "--root", root, "--seed", 1, *SMALL)
    call("shapes", "--root", root, "--seed", 1, "--force", *SMALL)
    call("shapes", "--root", root, "--seed", 1, *SMALL)


def test_nonsense_is_refused(tmp_path):
    with pytest.raises(ValueError, match="train must be 1 picture or more, got 0"):
        call("shapes", "--root", tmp_path / "a", "--train", 0)
    with pytest.raises(ValueError, match="--workers must be 1 or more, got 0"):
        call("shapes", "--root", tmp_path / "a", "--workers", 0)
    assert not (tmp_path / "a").exists()


def test_sheet_is_only_drawn(tmp_path):
    call("shapes", "--root", tmp_path / "shapes", "--size", 32, "--draw", tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (6 * 32, 8 * 32, 3)
    assert not (tmp_path / "shapes").exists()
    with pytest.raises(ValueError, match=r"sheet\.png cannot be written"):
        call("shapes", "--draw", tmp_path / "none" / "sheet.png")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_never_passes_for_whole(tmp_path, end):
    root = tmp_path / "data" / "shapes"
    line = [sys.executable, "tools/prepare_data.py", "shapes", "--root", str(root), "--workers", "2"]
    process = subprocess.Popen(
        line,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not list(
        tmp_path.glob("data/.shapes.partial-*/images/train/*.png")
    ):
        time.sleep(0.02)
    os.kill(process.pid, end)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert not root.exists()
    if end is signal.SIGINT:
        assert "Traceback" not in errors
        assert list((tmp_path / "data").iterdir()) == []
    call("shapes", "--root", root, *SMALL)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["shapes"]
