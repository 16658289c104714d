"""Loading of configs: options from the shell are checked, unknown keys are errors."""

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

#: Arguments of mmengine's Runner, whose import takes half a second; a test compares.
RUNNER_KEYS = {
    "auto_scale_lr", "cfg", "custom_hooks", "data_preprocessor", "default_hooks", "default_scope",
    "env_cfg", "experiment_name", "launcher", "load_from", "log_level", "log_processor", "model",
    "optim_wrapper", "param_scheduler", "randomness", "resume", "test_cfg", "test_dataloader",
    "test_evaluator", "train_cfg", "train_dataloader", "val_cfg", "val_dataloader", "val_evaluator",
    "visualizer", "work_dir",
}  # fmt: skip
#: Names that a run reads. A config may define others, for its own use.
KNOWN_KEYS = RUNNER_KEYS | {
    "ablation", "cached_teacher", "dataset_name", "find_unused_parameters", "initial_weights", "method",
    "precision", "test_prompts", "test_weights", "trackers", "weights_root",
}  # fmt: skip
#: Names of parts that only look like one of them.
NEAR_BUT_OTHER = ("data_preprocessor", "train_loader", "vis_backends")


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a python-style config and apply `options`.

    Args:
        path: config file.
        options: dotted key -> value, as `--cfg-options` gives them. A key of the config may hold dots
            itself: `initial_weights.mask_decoder.decoder`; see `option_path`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is no Python, or an option replaces a number or a switch by something else.
        KeyError: a key of the config is a misspelt one, or an option names a key that neither the config
            nor the component it belongs to knows.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"config {path} does not exist")
    try:
        config = Config.fromfile(str(path))
    except SyntaxError as error:
        raise ValueError(f"config {path}, line {error.lineno}: {error.msg}") from None
    _check_top_level(config, path)
    apply_options(config, options or {})
    return config


def apply_options(config: Config, options: Mapping[str, Any]) -> None:
    """Enter dotted key -> value into a config; see `load_config` for the errors."""
    for key, value in options.items():
        check_option(config, key)
        _check_kind(config, key, value)
    for key, value in options.items():
        _apply(config, option_path(config, key), value)


def option_path(config: Any, key: str) -> list[str]:
    """The keys that a dotted option goes through, one for each level of the config.

    Where a table has keys with dots in them, the longest that the option names counts; below
    `initial_weights` all that follows is one key.
    """
    node, parts, path = config, key.split("."), []
    while parts:
        taken = 1
        if path[-1:] == ["initial_weights"]:
            taken = len(parts)
        elif isinstance(node, (Mapping, Config)):
            there = (n for n in range(len(parts), 1, -1) if ".".join(parts[:n]) in node)
            taken = next(there, 1)
        part, parts = ".".join(parts[:taken]), parts[taken:]
        path.append(part)
        node = _child(node, part)
    return path


def _child(node: Any, part: str) -> Any:
    """What `node` has under `part`; None if nothing."""
    if isinstance(node, (list, tuple)):
        return node[int(part)] if part.isdigit() and int(part) < len(node) else None
    return node.get(part) if isinstance(node, (Mapping, Config)) else None


def _apply(config: Config, path: list[str], value: Any) -> None:
    """Enter one option; a table is merged into a table, anything else replaces what is there."""
    parent: Any = config
    for part in path[:-1]:
        parent = _child(parent, part)
    if isinstance(parent, (list, tuple)) and not isinstance(value, Mapping):
        # mmengine merges into the items of a list, and knows no other change of one.
        place = int(path.pop())
        value = type(parent)([*parent[:place], value, *parent[place + 1 :]])
    for part in reversed(path):
        value = {part: value}
    try:
        config.merge_from_dict(value)
    except (TypeError, AttributeError) as error:  # it merges no table into a number or text
        raise ValueError(f"option {'.'.join(path)!r}: {error}") from None


def _check_top_level(config: Config, path: str | Path) -> None:
    """Raise KeyError where a name of the config is nearly, but not quite, one that is read."""
    for key in config.keys():  # noqa: SIM118, a Config is no dict
        if not key.islower():
            continue  # a class that the config uses
        near = difflib.get_close_matches(key, KNOWN_KEYS - set(NEAR_BUT_OTHER), n=1, cutoff=0.85)
        if near and key not in KNOWN_KEYS and key not in NEAR_BUT_OTHER:
            raise KeyError(f"config {path} has an unknown key {key!r}; did you mean {near[0]}?")


def check_option(config: Any, key: str) -> None:
    """Raise KeyError unless `config` has `key` or the component it points into has such an argument."""
    node = config
    walked: list[str] = []
    for part in option_path(config, key):
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise KeyError(f"option {key!r}: {'.'.join(walked)} is a list of {len(node)} items")
            node = node[int(part)]
        elif isinstance(node, (Mapping, Config)):
            factory = node.get("type")
            arguments = inspect.signature(factory).parameters if callable(factory) else ()
            accepted = sorted({*node.keys(), *arguments})
            if part not in accepted:
                if not walked and part in KNOWN_KEYS:
                    return  # what a run reads, and this config leaves at its default
                if isinstance(node, Mapping) and not node:
                    return  # an empty dict, such as `initial_weights = dict()`, takes any key
                near = " or ".join(difflib.get_close_matches(part, accepted, n=3))
                place = ".".join(walked) or "the config"
                hint = f"did you mean {near}?" if near else f"known: {', '.join(accepted[:20])}"
                raise KeyError(f"option {key!r}: {place} has no {part!r}; {hint}")
            node = node.get(part)
        else:
            return
        walked.append(part)


def _check_kind(config: Config, key: str, value: Any) -> None:
    """Raise ValueError where a number or a switch of the config would become something else."""
    node: Any = config
    for part in option_path(config, key):
        node = _child(node, part)
    kinds = {bool: "True or False", int: "a number", float: "a number"}
    if type(node) not in kinds or value is None or isinstance(value, (Mapping, list, tuple)):
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = isinstance(value, bool) if isinstance(node, bool) else is_number
    if not fits:
        raise ValueError(f"option {key!r}: expected {kinds[type(node)]} such as {node}, got {value!r}")
