"""Loading of configs: options from the shell are checked, unknown keys are errors."""

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a python-style config and apply `options`.

    Args:
        path: config file.
        options: dotted key -> value, as `--cfg-options` gives them.

    Raises:
        FileNotFoundError: no such file.
        KeyError: an option names a key that neither the config nor the component it belongs to knows.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config {path} does not exist")
    config = Config.fromfile(str(path))
    for key in options or {}:
        check_option(config, key)
    if options:
        config.merge_from_dict(dict(options))
    return config


def check_option(config: Any, key: str) -> None:
    """Raise KeyError unless `config` has `key` or the component it points into has such an argument."""
    node = config
    walked: list[str] = []
    for part in key.split("."):
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise KeyError(f"option {key!r}: {'.'.join(walked)} is a list of {len(node)} items")
            node = node[int(part)]
        elif isinstance(node, (Mapping, Config)):
            known = list(node.keys())
            if part not in known and not _accepts(node.get("type"), part):
                if isinstance(node, Mapping) and "type" not in node and not known:
                    return  # an empty dict, such as `initial_weights = dict()`, takes any key
                accepted = sorted({*known, *_arguments(node.get("type"))})
                near = difflib.get_close_matches(part, accepted, n=3)
                place = ".".join(walked) or "the config"
                hint = (
                    f"did you mean {' or '.join(near)}?"
                    if near
                    else f"known: {', '.join(accepted[:20])}"
                )
                raise KeyError(f"option {key!r}: {place} has no {part!r}; {hint}")
            node = node.get(part)
        else:
            return
        walked.append(part)


def _arguments(factory: Any) -> list[str]:
    return list(inspect.signature(factory).parameters) if callable(factory) else []


def _accepts(factory: Any, name: str) -> bool:
    return name in _arguments(factory)
