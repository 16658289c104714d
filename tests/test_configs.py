"""Every config: loads, names only arguments that exist, survives a dump, differs as declared."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from mmengine.config import Config

from ovsam.benchmark.provenance import PARTS_TO_BUILD_FROM
from ovsam.commands.complexity import build_on
from ovsam.registry import INJECTED
from tests import configs

CONFIGS = configs.FOLDER
FILES = sorted(path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.py"))
EXPERIMENTS = [name for name in FILES if not name.startswith("_base_/")]
#: Keys that mmengine's Runner reads itself, by the place in the config.
ADDED_BY_RUNNER = {"optim_wrapper": {"paramwise_cfg"}}


def load(name: str) -> Config:
    return configs.load(name.removesuffix(".py"))


def components(node: Any, path: str = "") -> Iterator[tuple[str, Any, dict]]:
    """(path, type, arguments) of every `dict(type=...)`."""
    if isinstance(node, Mapping):
        items = {key: node[key] for key in node}
        if "type" in items:
            yield path, items["type"], {k: v for k, v in items.items() if k != "type"}
        for key, value in items.items():
            yield from components(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, (list, tuple)):
        for index, value in enumerate(node):
            yield from components(value, f"{path}.{index}")


@pytest.mark.parametrize("name", FILES)
def test_every_component_binds_to_its_constructor(name):
    for path, factory, arguments in components(load(name)._cfg_dict):
        if not callable(factory):
            continue
        place = path.split(".")[-1]
        accepted = inspect.signature(factory).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
        if not path.startswith(("model", "_")) and takes_any:
            continue  # mmengine's loops and hooks; ours take no **kwargs
        unknown = set(arguments) - set(accepted) - ADDED_BY_RUNNER.get(place, set())
        assert not unknown, f"{name}: {path} ({factory.__qualname__}) has no argument {sorted(unknown)}"
        assert not takes_any or not factory.__module__.startswith("ovsam"), (
            f"{factory} swallows arguments"
        )


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_required_arguments_are_given_or_injected(name):
    for path, factory, arguments in components(load(name).model):
        parameters = inspect.signature(factory).parameters.values()
        required = {p.name for p in parameters if p.default is p.empty and p.kind is p.KEYWORD_ONLY}
        missing = required - set(arguments) - set(INJECTED)
        assert not missing, f"{name}: model.{path} ({factory.__qualname__}) lacks {sorted(missing)}"


@pytest.mark.seconds
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_builds_on_the_meta_device(name):
    model = build_on(load(name).model, "meta")
    assert all(parameter.is_meta for parameter in model.parameters())


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_dump_and_reload_are_equal(name, tmp_path):
    config = load(name)
    config.dump(tmp_path / "dumped.py")
    assert Config.fromfile(str(tmp_path / "dumped.py")).to_dict() == config.to_dict()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_docstring_has_the_exact_command(name):
    text = (CONFIGS / name).read_text()
    docstring = text.split('"""')[1]
    assert f"configs/{name}" in docstring or name.startswith("parity/"), (
        f"{name} does not say how to run it"
    )
    if "tools/test.py" in docstring:
        assert load(name).get("test_dataloader"), f"{name} has nothing to test, but says how to"


@pytest.mark.parametrize(
    "name", [n for n in EXPERIMENTS if "ablation = dict(" in (CONFIGS / n).read_text()]
)
def test_ablation_differs_exactly_as_declared(name):
    config = load(name)
    child, parent = flatten(config.to_dict()), flatten(load(config.ablation.parent).to_dict())
    ignored = ("ablation", "method", "test_weights", *PARTS_TO_BUILD_FROM)
    different = {k for k in child.keys() | parent.keys() if child.get(k) != parent.get(k)}
    different = {key for key in different if not key.startswith(ignored)}
    undeclared = {k for k in different if not any(is_at(k, c) for c in config.ablation.changes)}
    assert not undeclared, f"{name} changes {sorted(undeclared)} without saying so"
    for change in config.ablation.changes:
        assert any(is_at(key, change) for key in different), f"{name}: {change} is not changed"


def flatten(node: Any, path: str = "") -> dict[str, Any]:
    if isinstance(node, Mapping):
        found: dict[str, Any] = {}
        for key, value in node.items():
            found.update(flatten(value, f"{path}.{key}" if path else str(key)))
        return found
    return {path: repr(node)}


def is_at(key: str, change: str) -> bool:
    """Whether a flat key is the declared one or below it."""
    return key == change or key.startswith(f"{change}.")
