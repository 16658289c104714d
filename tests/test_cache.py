"""The cache: files are whole or not there, one process at a time."""

import threading
import time
from pathlib import Path

import pytest

from ovsam import cache


def test_folder_is_the_users_or_the_environments(monkeypatch, tmp_path):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path))
    assert cache.cache_folder() == tmp_path
    monkeypatch.setenv("OVSAM_CACHE", "~/here")
    assert cache.cache_folder() == Path.home() / "here"
    monkeypatch.setenv("OVSAM_CACHE", "")
    assert cache.cache_folder() == Path.home() / ".cache" / "ovsam"


@pytest.mark.parametrize(("value", "expected"), [("", False), ("0", False), ("1", True)])
def test_offline_by_environment(monkeypatch, value, expected):
    monkeypatch.setenv("OVSAM_OFFLINE", value)
    assert cache.is_offline() is expected
    cache.go_offline()
    assert cache.is_offline()


def test_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "folder" / "file"
    with cache.written_whole(path) as partial:
        partial.write_text("old")
    with pytest.raises(KeyboardInterrupt), cache.written_whole(path) as partial:  # noqa: PT012
        partial.write_text("new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_lock_lets_one_in_at_a_time(tmp_path):
    inside, most = [], []

    def enter():
        with cache.locked(tmp_path / "file"):
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
