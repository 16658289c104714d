"""Where the figures of a results file below `results/` come from."""

import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from ovsam.benchmark.provenance import git_state, hardware
from ovsam.files import write_json

LIBRARIES = (
    "numpy",
    "torch",
    "opencv-python-headless",
    "pillow",
    "pycocotools",
    "safetensors",
    "gradio",
)


def provenance(libraries: Sequence[str] = LIBRARIES) -> dict[str, Any]:
    """Commit, whether the tree had changes, day, machine and versions."""
    commit, is_dirty = git_state()
    versions = {"python": platform.python_version()}
    return {
        "commit": commit,
        "dirty": is_dirty,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "hardware": hardware(),
        "versions": versions | {name: metadata.version(name) for name in libraries},
    }


def write_results(path: Path, content: dict[str, Any]) -> None:
    """Write a results file; its folder is made."""
    write_json(content, path)
