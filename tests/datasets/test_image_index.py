import os

import numpy as np
import pytest

from ovsam.datasets import image_index
from ovsam.datasets.image_index import find_parts, read_index
from tests.datasets.image_trees import pack, write_picture, write_tree


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "cache"))
    return write_tree(tmp_path / "tree", {"cat": [3, 1], "bird": [7], "dog": []})


def rows(index):
    return [index[i].identity for i in range(len(index))]


def test_pictures_come_by_class_and_name(root):
    (root / "cat" / "notes.txt").write_text("no picture")
    index = read_index(root)
    assert rows(index) == ["bird/7.JPEG", "cat/1.JPEG", "cat/3.JPEG"]
    assert index.counts.tolist() == [1, 2, 0]
    assert index[1].path == str(root / "cat" / "1.JPEG")
    assert index[1].read() == (root / "cat" / "1.JPEG").read_bytes()


def test_a_tar_file_has_the_same_bytes_in_place(root):
    before = [read_index(root)[i].read() for i in range(3)]
    pack(root / "cat")
    index = read_index(root)
    assert rows(index) == ["bird/7.JPEG", "cat.tar/1.JPEG", "cat.tar/3.JPEG"]
    assert [index[i].read() for i in range(3)] == before
    assert index[2].shown == f"{root / 'cat.tar'}/3.JPEG"
    assert not (root / "cat").exists()


def test_the_index_is_kept_and_made_anew_when_the_tree_changes(root, monkeypatch):
    read_index(root)
    made = []
    listed = image_index.list_images
    monkeypatch.setattr(image_index, "list_images", lambda *given: made.append(1) or listed(*given))
    assert rows(read_index(root)) == ["bird/7.JPEG", "cat/1.JPEG", "cat/3.JPEG"]
    assert not made
    write_picture(root / "dog" / "2.JPEG", 2)
    os.utime(root / "dog", ns=(1, 1))
    assert rows(read_index(root))[-1] == "dog/2.JPEG"
    assert len(made) == 1


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut", None])
def test_a_broken_kept_index_is_made_anew(root, content):
    read_index(root)
    [kept] = (root.parent / "cache" / "image_indexes").glob("*.npz")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert len(read_index(root)) == 3
    assert kept.stat().st_size > 100


def test_a_kept_index_runs_no_code(root):
    read_index(root)
    [kept] = (root.parent / "cache" / "image_indexes").glob("*.npz")
    np.savez(kept, facts=np.array([print], dtype=object))  # a pickle
    assert len(read_index(root)) == 3


def test_empty_files_of_a_tar_file_are_counted(root):
    (root / "cat" / "0.JPEG").touch()
    pack(root / "cat")
    index = read_index(root)
    assert (len(index), index.num_empty) == (3, 1)


def test_a_tar_file_that_became_shorter(root):
    path = pack(root / "cat")
    index = read_index(root)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(ValueError, match=r"cat\.tar/3\.JPEG is cut short"):
        index[2].read()
    path.unlink()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        index[2].read()


def test_bad_trees(root, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data/README\.md has the expected tree"):
        find_parts(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="neither folders nor"):
        find_parts(tmp_path / "empty")
    (root / "cat.tar").touch()
    with pytest.raises(ValueError, match="a folder and a tar file of one class, such as cat"):
        find_parts(root)
