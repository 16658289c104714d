"""Costs: multiply-adds and parameters of configs, counted without weights, as one committed file.

Tables take them for methods that were not run here. See `signed` for how the file is kept.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import read_signed, write_signed

SCHEMA = 1
NAMES = ("config_digest", "macs", "params")
#: What was asked: of a promptable model, or of a semantic one.
QUESTIONS = ("num_prompts", "num_classes", "num_views")


def write_costs(counted: Mapping[str, Mapping[str, Any]], path: str | Path) -> None:
    """Add counts to a file of costs, or begin one.

    Args:
        counted: `<family>/<stem>` -> `config_digest`, `macs`, `params`, and `num_prompts`, or
            `num_classes` and `num_views`.
        path: JSON file.

    Raises:
        ValueError: the file that is there was changed by hand.
    """
    path = Path(path)
    commit, dirty = provenance.git_state()
    origin = {"commit": commit, "dirty": dirty, "versions": provenance.versions()}
    new = {
        name: {
            **{key: cost[key] for key in NAMES},
            **{key: cost[key] for key in QUESTIONS if key in cost},
            **origin,
        }
        for name, cost in counted.items()
    }
    old = read_costs(path) if path.is_file() else {}
    write_signed({"schema": SCHEMA, "configs": dict(sorted({**old, **new}.items()))}, path)


def read_costs(path: str | Path) -> dict[str, dict[str, Any]]:
    """Config -> `macs`, `params`, what was asked, and where they come from.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or changed by hand.
    """
    mend = f"count again with `tools/complexity.py CONFIG ... --write {path}`"
    return read_signed(path, schema=SCHEMA, what="costs", mend=mend)["configs"]
