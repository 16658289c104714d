"""Fixtures that all tests share."""

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

pytest_plugins = ["tests.timing"]

REPOSITORY = Path(__file__).resolve().parents[1]

torch.set_num_threads(1)  # the tests share the cores, and forks of this process compute, too


def pytest_collection_finish() -> None:
    """Every data set of mmengine collects garbage; what stays for the whole run need not be searched."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plain_config_texts() -> Iterator[None]:
    """Configs are dumped without yapf's layout, which takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yapf.yapflib.yapf_api.FormatCode", lambda text, **_: (text, True))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the real data and the numeric fixtures; the test is skipped where it is absent."""
    folder = Path(os.environ.get("OVSAM_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the folder of real data, {folder} does not exist (set OVSAM_SHARED)")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def resident_kilobytes() -> Callable[[], int]:
    """Tells the memory that this process has now; the test is skipped where nothing tells it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("needs /proc, as Linux has it")

    def read() -> int:
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1])

    return read


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
