"""Finds what the miniature has trained, by what it is for."""

from pathlib import Path
from typing import Literal

from ovsam.cli import find_config
from ovsam.weights import WEIGHTS_FILE

Task = Literal["promptable", "semantic"]
QUICKSTART_ROOT = "work_dirs/quickstart"
#: What `quickstart` means to a task: the first of these configs that has been trained.
QUICKSTART_CONFIGS: dict[Task, tuple[str, ...]] = {
    "promptable": ("mini/ovsam_rn",),
    "semantic": ("mini/escnet", "mini/catseg"),
}
QUICKSTART_COMMANDS: dict[Task, str] = {"promptable": "make quickstart", "semantic": "make semantic"}


def find_quickstart(task: Task, root: str | Path = QUICKSTART_ROOT) -> tuple[Path, Path]:
    """Config and newest weights of a task.

    Args:
        task: what the model is for.
        root: folder whose `seed_*` are searched.

    Raises:
        FileNotFoundError: nothing trained yet; the message has the command.
    """
    for name in QUICKSTART_CONFIGS[task]:
        found = Path(root).glob(f"seed_*/{Path(name).stem}/{WEIGHTS_FILE}")
        newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
        if newest is not None:
            return find_config(name), newest
    raise FileNotFoundError(
        f"no weights of a {task} model below {root}; run `{QUICKSTART_COMMANDS[task]}`, or name a"
        " folder, config or hub id"
    )
