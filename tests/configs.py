"""The configs of the repository, each read once by a process."""

from functools import cache
from pathlib import Path

from mmengine.config import Config

FOLDER = Path(__file__).resolve().parents[1] / "configs"


@cache
def load(name: str) -> Config:
    """The config of a path below `configs/`, without `.py`. All tests share it: change a copy only."""
    return Config.fromfile(str(FOLDER / f"{name}.py"))
