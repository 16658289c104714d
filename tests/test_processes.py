"""Workers end with their parent, also in the middle of their work."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import os, sys, time
from ovsam.processes import worker_pool

def work(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    while True:
        pass

if __name__ == "__main__":
    with worker_pool(2) as pool:
        list(pool.map(work, [sys.argv[1]] * 2))
"""


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.seconds
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="reads the state of processes from /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_workers_of_a_process_that_is_killed_end(tmp_path, end):
    script, started = tmp_path / "parent.py", tmp_path / "started"
    script.write_text(PARENT)
    started.mkdir()
    parent = subprocess.Popen([sys.executable, script, started])
    until(lambda: len(list(started.iterdir())) == 2)
    workers = [int(path.name) for path in started.iterdir()]
    assert all(map(is_alive, workers))
    parent.send_signal(end)
    parent.wait(30)
    until(lambda: not any(map(is_alive, workers)))
