import os
import socket

import pytest

from ovsam.datasets.tree import DataTreeError, find_finished, new_tree, read_manifest, write_manifest

SPEC = {"seed": 0, "size": 32}


def write(root, spec=SPEC, name="toys", files=("a", "b")):
    with new_tree(root) as folder:
        for file in files:
            (folder / file).write_text(file)
        write_manifest(folder, {"name": name, "spec": spec})


def find(root, spec=SPEC, force=False):
    return find_finished(root, name="toys", spec=spec, force=force)


def test_the_tree_appears_only_when_the_block_ends(tmp_path):
    root = tmp_path / "below" / "toys"
    with new_tree(root) as folder:
        (folder / "a").write_text("a")
        assert not root.exists()
    assert (root / "a").read_text() == "a"
    assert [path.name for path in root.parent.iterdir()] == ["toys"]


def test_an_error_leaves_nothing_and_an_older_tree_untouched(tmp_path):
    write(tmp_path / "toys")
    with pytest.raises(DataTreeError, match="cannot be written"), new_tree(tmp_path / "toys") as folder:
        (folder / "a").rename(folder / "b")
    assert (tmp_path / "toys" / "a").read_text() == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["toys"]


def test_finished_tree_is_found_by_its_spec(tmp_path):
    assert find(tmp_path / "toys") is None
    write(tmp_path / "toys")
    assert find(tmp_path / "toys")["num_files"] == 2
    assert find(tmp_path / "toys", force=True) is None


def test_another_spec_names_the_difference_and_the_way_out(tmp_path):
    write(tmp_path / "toys")
    with pytest.raises(DataTreeError, match=r"size: 32 there, 64 asked\); give --force"):
        find(tmp_path / "toys", spec={"seed": 0, "size": 64})


def test_replacing_leaves_no_old_file(tmp_path):
    write(tmp_path / "toys")
    write(tmp_path / "toys", spec={"seed": 1}, files=("c",))
    assert {path.name for path in (tmp_path / "toys").iterdir()} == {"c", "dataset.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["toys"]


def test_foreign_folders_are_never_replaced(tmp_path):
    (tmp_path / "toys").mkdir()
    assert find(tmp_path / "toys") is None  # empty: may be used
    (tmp_path / "toys" / "thesis.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(DataTreeError, match="not written by this command"):
            find(tmp_path / "toys", force=force)


def test_a_tree_of_another_data_set_or_a_file_is_refused(tmp_path):
    write(tmp_path / "toys", name="other")
    with pytest.raises(DataTreeError, match="holds the data set 'other'"):
        find(tmp_path / "toys", force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataTreeError, match="is a file"):
        find(tmp_path / "file")


def test_lost_files_are_noticed(tmp_path):
    write(tmp_path / "toys")
    (tmp_path / "toys" / "b").unlink()
    with pytest.raises(DataTreeError, match="1 of 2"):
        find(tmp_path / "toys")


def test_broken_manifest_is_an_error(tmp_path):
    write(tmp_path / "toys")
    (tmp_path / "toys" / "dataset.json").write_text('{"name": "to')
    with pytest.raises(DataTreeError, match="cannot be read"):
        read_manifest(tmp_path / "toys")


def test_leavings_of_a_killed_run_are_removed_and_of_a_living_one_kept(tmp_path):
    dead = tmp_path / f".toys.partial-{socket.gethostname()}-99999999"
    alive = tmp_path / f".toys.partial-{socket.gethostname()}-{os.getppid()}"
    elsewhere = tmp_path / ".toys.partial-another-host-99999999"
    for folder in (dead, alive, elsewhere):
        folder.mkdir()
    write(tmp_path / "toys")
    assert not dead.exists()
    assert alive.exists()
    assert elsewhere.exists()


def test_too_little_space_is_said_before_anything_is_written(tmp_path):
    with (
        pytest.raises(DataTreeError, match="no space left"),
        new_tree(tmp_path / "toys", num_bytes=2**60),
    ):
        raise AssertionError("the block must not run")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataTreeError, match="cannot be written"), new_tree(tmp_path / "file" / "toys"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_missing_permission_is_said(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataTreeError, match="no permission"), new_tree(tmp_path / "toys"):
        pass
    tmp_path.chmod(0o700)
