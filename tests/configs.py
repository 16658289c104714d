"""The configs of the repository, each read once by a process."""

from functools import cache
from pathlib import Path

from mmengine.config import Config

FOLDER = Path(__file__).resolve().parents[1] / "configs"


@cache
def load(name: str) -> Config:
    """The config of a path below `configs/`, without `.py`. All tests share it: change a copy only."""
    return Config.fromfile(str(FOLDER / f"{name}.py"))


def write_child(folder: Path, stem: str, parent: str, lines: str) -> str:
    """A config of the miniature, written below `folder`, that changes another by lines of Python."""
    place = folder / "mini"
    place.mkdir(exist_ok=True)
    for path in (FOLDER / "mini").glob("*.py"):
        (place / path.name).symlink_to(path)
    (folder / "_base_").symlink_to(FOLDER / "_base_")
    start = f"from mmengine.config import read_base\nwith read_base():\n    from .{parent} import *\n"
    (place / f"{stem}.py").write_text(start + lines)
    return str(place / f"{stem}.py")
