"""A file in memory, where the system has such, that one input after the other is written to."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def scratch_folder() -> Path:
    """A folder that goes when this process ends; forks share it."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ovsam_fuzz_", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def scratch_file(suffix: str, content: bytes) -> Path:
    """The file of this suffix with new content."""
    path = scratch_folder() / f"input{suffix}"
    path.write_bytes(content)
    return path
