import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from ovsam.arguments.prepare_data import add_arguments
from ovsam.commands import prepare_data
from ovsam.commands.shared.progress import _print_quarters
from ovsam.datasets.label_maps import write_label_map
from ovsam.datasets.preparation import coco, lvis, sa1b
from tests.datasets.image_trees import write_tree

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ["--size", "32", "--train", "3", "--val", "2", "--test", "2", "--distill", "2", "--workers", "1"]


def call(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return prepare_data.run(parser.parse_args([str(argument) for argument in arguments]))


def test_shapes_are_written_once(tmp_path, capsys):
    root = tmp_path / "shapes"
    call("shapes", "--root", root, *SMALL)
    assert "train 3, val 2, test 2, distill 2 images" in capsys.readouterr().out
    call("shapes", "--root", root, *SMALL)
    assert "already there" in capsys.readouterr().out


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
    assert not (tmp_path / "a").exists()


def test_sheet_is_only_drawn(tmp_path):
    call("shapes", "--root", tmp_path / "shapes", "--size", 32, "--draw", tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (6 * 32, 8 * 32, 3)
    assert not (tmp_path / "shapes").exists()
    with pytest.raises(ValueError, match=r"sheet\.png cannot be written"):
        call("shapes", "--draw", tmp_path / "none" / "sheet.png")


def test_a_missing_tree_is_listed_and_gives_1(tmp_path, capsys):
    assert call("coco", "--root", tmp_path / "coco", "--splits", "val") == 1
    assert call("lvis", "--root", tmp_path / "lvis", "--images", tmp_path / "coco") == 1
    assert call("sa1b", "--root", tmp_path / "sa1b") == 1
    output = capsys.readouterr()
    for name in ("val2017.zip (1 GB)", "lvis_v1_train.json.zip (350 MB)", "sa_NNNNNN.tar (about 11 GB"):
        assert name in output.out
    assert "train2017.json" not in output.out
    assert "sa1b is not ready; see data/README.md" in output.err
    assert list(tmp_path.iterdir()) == []


def test_a_subset_of_sa1b_is_made_from_names_or_from_a_list(tmp_path, capsys):
    call("shapes", "--root", tmp_path / "shapes", *SMALL)
    root = tmp_path / "shapes" / "sa1b"
    assert call("sa1b", "--root", root, "--parts", "sa_000000", "--pictures", "--workers", 2) == 0
    assert "sa1b is complete" in capsys.readouterr().out
    assert call("sa1b", "--root", root, "--list", root / "subset.txt", "--name", "again") == 0
    assert (root / "again.json").read_text() == (root / "subset.json").read_text()
    with pytest.raises(ValueError, match="--parts or --list, not both"):
        call("sa1b", "--root", root, "--parts", "sa_000000", "--list", root / "subset.txt")
    with pytest.raises(FileNotFoundError):
        call("sa1b", "--root", root, "--list", root / "none.txt")


def test_the_readme_has_every_file_number_and_source():
    text = (REPOSITORY / "data" / "README.md").read_text()
    splits = [*coco.SPLITS.values(), *lvis.SPLITS.values()]
    sources = {split.source for split in splits} | {s for s, _ in coco.IMAGE_FOLDERS.values()}
    for split in splits:
        assert f"{split.num_images:,} images" in text
        assert f"{split.num_annotations:,}" in text
        assert split.ann_file in text
    for source in sources:
        assert f"`{source.name}` ({source.size})" in text
    assert lvis.WITHOUT_RARE in text
    assert str(sa1b.PUBLISHED_PARTS) in text


def test_progress_starts_again_with_every_step(capsys):
    report = _print_quarters("steps")
    for total in (4, 8):
        for done in range(1, total + 1):
            report(done, total)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"steps: {n} of 4" for n in (1, 2, 3, 4)] + [
        f"steps: {n} of 8" for n in (2, 4, 6, 8)
    ]


@pytest.mark.seconds
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
        # What a shell starts in the background ignores the signal, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not list(
        tmp_path.glob("data/.shapes.partial-*/images/train/*.png")
    ):
        time.sleep(0.02)
    os.kill(process.pid, end)
    _, errors = process.communicate(timeout=100)
    assert process.returncode != 0
    assert not root.exists()
    if end is signal.SIGINT:
        assert "Traceback" not in errors
        assert list((tmp_path / "data").iterdir()) == []
    call("shapes", "--root", root, *SMALL)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["shapes"]


def test_label_maps_by_command(tmp_path, capsys):
    (tmp_path / "val2017").mkdir()
    cv2.imwrite(str(tmp_path / "val2017" / "7.jpg"), np.zeros((2, 3, 3), np.uint8))
    source = tmp_path / "originals"
    write_label_map(source / "val2017" / "7.png", np.array([[0, 181, 255], [12, 0, 0]], np.uint8))
    given = ["coco_stuff", "--root", tmp_path, "--source", source, "--splits", "val"]
    with pytest.raises(ValueError, match=r"COCO-Stuff val has 5,000 images, found 1: .*--any-number"):
        call(*given)
    assert call(*given, "--any-number") == 0
    assert "1 label maps; 3 of 171 classes occur" in capsys.readouterr().out
    assert call(*given, "--any-number") == 0
    assert "1 label maps, 1 of them were there" in capsys.readouterr().out


def test_label_maps_without_their_archive(tmp_path):
    with pytest.raises(ValueError, match=r"it is in ADEChallengeData2016\.zip"):
        call("ade150", "--root", tmp_path)


def test_trees_of_boxes_and_of_image_labels_are_checked(tmp_path, capsys):
    tree = write_tree(tmp_path / "tree", {"n01440764": [1]})
    assert call("imagenet21k", "--root", tree, "--pictures", "--workers", 1) == 0
    assert call("folders", "--root", tree) == 0
    (tmp_path / "list.csv").write_text("image,label\nn01440764/1.JPEG,0\n")
    listed = ["--list", tmp_path / "list.csv", "--root", tree]
    assert call("image_list", *listed, "--vocabulary", "imagenet1k") == 0
    assert capsys.readouterr().out.count("is complete") == 3
    assert call("v3det", "--root", tmp_path) == 1
    assert call("objects365", "--root", tmp_path, "--splits", "val") == 1
    assert call("imagenet1k", "--root", tree, "--vocabulary", "imagenet21k") == 0
