"""Checkpoints as files: order, checksums, the newest that verifies, what is removed and set aside."""

import pytest

from ovsam.engine.checkpoints import (
    checksum_file,
    find_checkpoints,
    newest_verified,
    remove_outdated,
    set_aside,
    tidy,
    why_not_verified,
    written_with_checksum,
)
from ovsam.files import sha256_of


def write(folder, *names):
    for name in names:
        with written_with_checksum(folder / name) as partial:
            partial.write_text(f"content of {name}")


def names(folder):
    return [path.name for path in find_checkpoints(folder)]


def test_checkpoints_come_in_the_order_of_the_training(tmp_path):
    write(tmp_path, "epoch_10.pth", "epoch_9_iter_95.pth", "epoch_2.pth", "epoch_0_iter_7.pth")
    write(tmp_path, "best_score_epoch_2.pth")
    (tmp_path / "epoch_11.pth.sha256").write_text("")
    expected = ["epoch_0_iter_7.pth", "epoch_2.pth", "epoch_9_iter_95.pth", "epoch_10.pth"]
    assert names(tmp_path) == expected


def test_iterations_are_ordered_as_numbers(tmp_path):
    write(tmp_path, "iter_10000.pth", "epoch_0_iter_9500.pth", "iter_5000.pth")
    assert names(tmp_path) == ["iter_5000.pth", "epoch_0_iter_9500.pth", "iter_10000.pth"]


def test_the_checksum_is_what_sha256sum_reads(tmp_path):
    write(tmp_path, "epoch_1.pth")
    path = tmp_path / "epoch_1.pth"
    assert checksum_file(path).read_text() == f"{sha256_of(path)}  epoch_1.pth\n"
    assert why_not_verified(path) == ""


def test_the_newest_that_verifies_is_taken_and_the_others_are_named(tmp_path):
    write(tmp_path, "epoch_1.pth", "epoch_2.pth", "epoch_3.pth")
    (tmp_path / "epoch_3.pth").write_text("content of epoch_3.pt")  # truncated
    checksum_file(tmp_path / "epoch_2.pth").unlink()
    found, skipped = newest_verified(tmp_path)
    assert found == tmp_path / "epoch_1.pth"
    assert {path.name: reason for path, reason in skipped.items()} == {
        "epoch_3.pth": "its sha256 is not the one in epoch_3.pth.sha256",
        "epoch_2.pth": "it has no epoch_2.pth.sha256 beside it",
    }


def test_a_folder_without_checkpoints_has_none_to_go_on_from(tmp_path):
    assert newest_verified(tmp_path) == (None, {})


def test_checkpoints_of_which_none_verifies_are_an_error_that_says_what_to_do(tmp_path):
    (tmp_path / "epoch_4.pth").write_text("of an earlier version")
    with pytest.raises(ValueError, match=r"epoch_4.pth: it has no .*sha256sum epoch_4.pth > epoch_4"):
        newest_verified(tmp_path)


def write_and_fail(path):
    with written_with_checksum(path) as partial:
        partial.write_text("half")
        raise OSError("full")


def test_a_failed_write_leaves_the_file_that_was_there(tmp_path):
    write(tmp_path, "epoch_1.pth")
    with pytest.raises(OSError, match="full"):
        write_and_fail(tmp_path / "epoch_1.pth")
    assert (tmp_path / "epoch_1.pth").read_text() == "content of epoch_1.pth"
    assert why_not_verified(tmp_path / "epoch_1.pth") == ""
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_written_again_has_one_checksum_again(tmp_path):
    write(tmp_path, "epoch_1.pth")
    with written_with_checksum(tmp_path / "epoch_1.pth") as partial:
        partial.write_text("other content")
    assert why_not_verified(tmp_path / "epoch_1.pth") == ""
    assert len(checksum_file(tmp_path / "epoch_1.pth").read_text().splitlines()) == 1


def test_the_last_ones_of_the_interval_stay_and_one_in_between_while_it_is_new(tmp_path):
    write(tmp_path, "epoch_1.pth", "epoch_1_iter_15.pth", "epoch_2.pth", "epoch_2_iter_25.pth")
    write(tmp_path, "epoch_2_iter_28.pth", "epoch_3.pth", "best_score_epoch_1.pth")
    remove_outdated(tmp_path, keep=2)
    assert names(tmp_path) == ["epoch_2.pth", "epoch_2_iter_28.pth", "epoch_3.pth"]
    assert {path.name for path in tmp_path.glob("*.sha256")} == {
        f"{name}.sha256" for name in [*names(tmp_path), "best_score_epoch_1.pth"]
    }


def test_all_of_the_interval_stay_where_the_config_keeps_all(tmp_path):
    write(tmp_path, "epoch_1.pth", "epoch_1_iter_15.pth", "epoch_2.pth", "epoch_3.pth")
    remove_outdated(tmp_path, keep=-1)
    assert names(tmp_path) == ["epoch_1.pth", "epoch_2.pth", "epoch_3.pth"]


def test_what_a_killed_run_was_writing_is_removed(tmp_path):
    write(tmp_path, "epoch_1.pth")
    partials = (
        ".epoch_2.pth.k3_x9abc", ".epoch_1.pth.sha256.abcdefgh", ".last_checkpoint.00000000",
        "epoch_0.pth.sha256",
    )  # fmt: skip
    for name in (*partials, ".train.stage.json", "notes.txt"):
        (tmp_path / name).write_text("")
    tidy(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"epoch_1.pth", "epoch_1.pth.sha256", ".train.stage.json", "notes.txt"}


def test_checkpoints_ahead_of_a_training_are_set_aside(tmp_path):
    write(tmp_path, "epoch_1.pth", "epoch_2.pth", "epoch_2_iter_25.pth", "epoch_3.pth")
    folder = set_aside(tmp_path, epoch=2, iteration=24)
    assert names(tmp_path) == ["epoch_1.pth", "epoch_2.pth"]
    assert names(folder) == ["epoch_2_iter_25.pth", "epoch_3.pth"]
    assert why_not_verified(folder / "epoch_3.pth") == ""
    assert set_aside(tmp_path, epoch=2, iteration=24) is None
