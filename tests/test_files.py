"""The cache: files are whole or not there, one process at a time."""

import hashlib
import threading
import time
from pathlib import Path

import pytest

from ovsam import files


def test_folder_is_the_users_or_the_environments(monkeypatch, tmp_path):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path))
    assert files.cache_folder() == tmp_path
    monkeypatch.setenv("OVSAM_CACHE", "~/here")
    assert files.cache_folder() == Path.home() / "here"
    monkeypatch.setenv("OVSAM_CACHE", "")
    assert files.cache_folder() == Path.home() / ".cache" / "ovsam"


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("1", True)])
def test_offline_by_environment(monkeypatch, value, expected):
    monkeypatch.setenv("OVSAM_OFFLINE", value)
    assert files.is_offline() is expected
    files.go_offline()
    assert files.is_offline()


def test_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "folder" / "file"
    with files.written_whole(path) as partial:
        partial.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.written_whole(path) as partial:  # noqa: PT012
        partial.write_text("new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_lock_lets_one_in_at_a_time(tmp_path):
    inside, most = [], []

    def enter():
        with files.locked(tmp_path / "file"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert most == [1] * 5


def test_json_is_written_whole_and_never_with_what_json_does_not_know(tmp_path):
    path = tmp_path / "new" / "file.json"
    files.write_json({"a": [1]}, path)
    assert path.read_text() == '{\n "a": [\n  1\n ]\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json({"a": float("nan")}, path)
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]
    assert "1" in path.read_text()


def test_sum_is_of_the_whole_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a" * (3 << 20) + b"b")
    assert files.sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
