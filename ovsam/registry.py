"""The project's registries and the one model builder.

Every registry is a child of mmengine's root of the same kind, so configs may name components of
mmengine, mmcv or mmdet as well as ours.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mmengine import registry as root
from mmengine.registry import Registry

Class = TypeVar("Class", bound=type)

MODELS = Registry("model", parent=root.MODELS, scope="ovsam", locations=["ovsam.models"])
DATASETS = Registry("dataset", parent=root.DATASETS, scope="ovsam", locations=["ovsam.datasets"])
TRANSFORMS = Registry(
    "transform", parent=root.TRANSFORMS, scope="ovsam", locations=["ovsam.datasets.transforms"]
)
METRICS = Registry("metric", parent=root.METRICS, scope="ovsam", locations=["ovsam.evaluation"])
HOOKS = Registry("hook", parent=root.HOOKS, scope="ovsam", locations=["ovsam.engine"])
LOOPS = Registry("loop", parent=root.LOOPS, scope="ovsam", locations=["ovsam.engine"])

#: Constructor arguments that a part's config may leave out, and the attribute of a part wired to it that
#: supplies each. No other argument is ever filled in.
INJECTED = {
    "in_channels": "out_channels",
    "strides": "strides",
    "embed_dim": "embed_dim",
    "num_classes": "num_classes",
    "token_channels": "token_channels",
}


def passes_options_to(target: Callable[..., Any]) -> Callable[[Class], Class]:
    """Class decorator: the constructor hands its `**options` on to `target`, for example its base class.

    The signature of the class then names the keyword-only arguments of `target`, too, so a config with a
    misspelt one is refused like any other.
    """

    def decorate(cls: Class) -> Class:
        _, *own, _ = inspect.signature(vars(cls)["__init__"]).parameters.values()  # self, own, options
        names = {parameter.name for parameter in own}
        passed = inspect.signature(target).parameters.values()
        own += [p for p in passed if p.kind is p.KEYWORD_ONLY and p.name not in names]
        cls.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        return cls

    return decorate


def build_model(config: Any) -> Any:
    """Build a model depth first: every nested `dict(type=...)` becomes an object.

    A class that holds parts may declare `wiring = {part: (source part, ...)}`. A part is built after its
    sources. An argument of `INJECTED` that its constructor names and its config leaves out is read from
    the first source that announces it.

    Args:
        config: `dict(type=class, function or registered name, **arguments)`, or anything else,
            which is returned as it is (lists and plain dicts are searched).

    Raises:
        KeyError: `type` is a name that is not registered.
        TypeError: an argument does not exist or a required one is missing; the message names the class.
        ValueError: the wiring has a cycle.
    """
    return _build(config, sources=())


def _build(config: Any, sources: tuple[Any, ...]) -> Any:
    if isinstance(config, Mapping):
        items = {key: config[key] for key in config}  # mmengine resolves lazy types on access
        if "type" not in items:
            return {key: _build(value, ()) for key, value in items.items()}
        factory = items.pop("type")
        if isinstance(factory, str):
            factory = MODELS.get(factory)
            if factory is None:
                raise KeyError(f"{config['type']!r} is not registered in the model registry")
        arguments = _build_arguments(items, getattr(factory, "wiring", {}))
        return _call(factory, arguments, sources)
    if isinstance(config, (list, tuple)):
        return type(config)(_build(value, ()) for value in config)
    return config


def _build_arguments(items: Mapping[str, Any], wiring: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    pending = list(items)
    while pending:
        ready = [n for n in pending if not any(s in pending for s in wiring.get(n, ()) if s != n)]
        if not ready:
            raise ValueError(f"parts wait for each other: {pending}")
        for name in ready:
            sources = tuple(built[s] for s in wiring.get(name, ()) if built.get(s) is not None)
            built[name] = _build(items[name], sources)
            pending.remove(name)
    return built


def _call(factory: Any, arguments: dict[str, Any], sources: tuple[Any, ...]) -> Any:
    signature = inspect.signature(factory)
    for name, attribute in INJECTED.items():
        announcing = [source for source in sources if hasattr(source, attribute)]
        if name in signature.parameters and name not in arguments and announcing:
            arguments[name] = getattr(announcing[0], attribute)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        accepted = ", ".join(signature.parameters)
        raise TypeError(f"{factory.__qualname__}: {error}; it accepts: {accepted}") from None
    return factory(**arguments)
