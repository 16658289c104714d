"""Complexity: parameters and multiply-adds of a model, part by part.

Counts what the published table counts: convolutions (transposed ones too), linear layers and the
matrix products of attention, one multiply-add each; parameters without buffers. The text tower is not
counted, as it runs once per vocabulary and not per image.

A module that can save arithmetic without changing its result has an attribute `is_fast`. The published
counts are those of the plain path, so it is switched off while a model is counted, unless what is
executed is asked for.

Counts of configs, made without weights, are kept in one committed file: tables take them for methods
that were not run here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import read_signed, write_signed

#: A module whose path has one of these names belongs to the text tower.
TEXT_PARTS = ("text", "text_encoder")
#: Multiply-adds of operations that stand in no part's own forward.
OTHER = "other"
#: What was asked: of a promptable model, or of a semantic one.
QUESTIONS = ("num_prompts", "num_classes", "num_views")
#: Of a config's counts in the file.
COSTS = ("config_digest", "macs", "params", *QUESTIONS)
COSTS_SCHEMA = 1


@dataclass
class PartComplexity:
    """Parameters and multiply-adds of one part."""

    params: int = 0
    macs: int = 0


@dataclass
class Complexity:
    """What a model costs."""

    params: int  # each counted once
    macs: int  # multiply-adds of one image
    parts: dict[str, PartComplexity]  # top-level part -> its share

    def to_dict(self) -> dict[str, Any]:
        """`{"params", "macs", "parts": {name: {"params", "macs"}}}`."""
        return asdict(self)


def count(model: nn.Module, num_prompts: int) -> dict[str, int]:
    """Totals of `measure`, as a record holds them."""
    found = measure(model, num_prompts)
    return {"macs": found.macs, "params": found.params, "num_prompts": num_prompts}


def measure(
    model: nn.Module,
    num_prompts: int,
    run: Callable[[], Any] | None = None,
    *,
    is_executed: bool = False,
    with_text: bool = False,
) -> Complexity:
    """Count a model on one image of its own input size.

    Args:
        model: built model, in its own mode and on its own device, the meta device included.
        num_prompts: prompts on the image.
        run: does one prediction; `model.forward_complexity(num_prompts)` if left out.
        is_executed: count what the fast paths execute instead of the published arithmetic.
        with_text: count the parameters of the text tower too, as the budgets of semantic segmentors do.

    Raises:
        ValueError: a number of prompts below 1, or a model without `forward_complexity` and no `run`.
    """
    if num_prompts < 1:
        raise ValueError(f"the number of prompts must be 1 or more, got {num_prompts}")
    if run is None:
        forward: Any = getattr(model, "forward_complexity", None)
        if forward is None:
            raise ValueError(
                f"{type(model).__name__} has no forward_complexity(num_prompts); pass `run`, a function"
                " that predicts once"
            )

        run = partial(forward, num_prompts)
    parts = {name: PartComplexity(params=n) for name, n in _count_parameters(model, with_text).items()}
    counter = FlopCounterMode(display=False)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), plain_attention(), fast_paths(model, is_executed):
            run()  # fills what is computed once and kept, such as the embeddings of the vocabulary
            with _watch(model, counter, parts), counter:
                run()
    finally:
        model.train(was_training)
    total = counter.get_total_flops() // 2
    counted = sum(part.macs for name, part in parts.items())
    skipped = parts.pop("", PartComplexity()).macs
    if total > counted:
        parts[OTHER] = PartComplexity(macs=total - counted)
    return Complexity(sum(part.params for part in parts.values()), total - skipped, parts)


def write_costs(counted: Mapping[str, Mapping[str, Any]], path: str | Path) -> None:
    """Add counts (`<family>/<stem>` -> those of `COSTS` that there are) to a JSON file, or begin one.

    Raises:
        ValueError: the file that is there was changed by hand.
    """
    found = read_costs(path) if Path(path).is_file() else {}
    commit, dirty = provenance.git_state()
    origin = {"commit": commit, "dirty": dirty, "versions": provenance.versions()}
    for name, cost in counted.items():
        found[name] = {**{key: cost[key] for key in COSTS if key in cost}, **origin}
    write_signed({"schema": COSTS_SCHEMA, "configs": dict(sorted(found.items()))}, path)


def read_costs(path: str | Path) -> dict[str, dict[str, Any]]:
    """Config -> `macs`, `params`, what was asked, and where they come from.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or changed by hand.
    """
    mend = f"count again with `tools/complexity.py CONFIG ... --write {path}`"
    return read_signed(path, mend, "configs")


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention as visible matrix products: fused kernels, some of which no counter knows, are off."""
    was_fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_fast)


@contextmanager
def fast_paths(model: nn.Module, are_on: bool) -> Iterator[None]:
    """Fast paths off for the time being; as they are if `are_on`."""
    fast: list[Any] = [module for module in model.modules() if getattr(module, "is_fast", False)]
    try:
        for module in fast:
            module.is_fast = are_on
        yield
    finally:
        for module in fast:
            module.is_fast = True


@contextmanager
def _watch(
    model: nn.Module, counter: FlopCounterMode, parts: dict[str, PartComplexity]
) -> Iterator[None]:
    """Add to `parts` what runs inside the outermost module of each; the text tower goes under ""."""
    entered: list[int] = []  # operations counted when each running module began

    def enter(*_: Any) -> None:
        entered.append(counter.get_total_flops())

    def leave_as(part: str) -> Callable[..., None]:
        def leave(*_: Any) -> None:
            flops = counter.get_total_flops() - entered.pop()
            if not entered:
                parts.setdefault(part, PartComplexity()).macs += flops // 2

        return leave

    handles = []
    for name, module in model.named_modules():
        if not name:
            continue  # the model itself would hide its parts
        part = "" if _is_text(name) else name.partition(".")[0]
        handles.append(module.register_forward_pre_hook(enter))
        handles.append(module.register_forward_hook(leave_as(part), always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _count_parameters(model: nn.Module, with_text: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, parameter in model.named_parameters():  # a shared parameter comes once
        if with_text or not _is_text(name):
            part = name.partition(".")[0]
            found[part] = found.get(part, 0) + parameter.numel()
    return found


def _is_text(name: str) -> bool:
    return any(piece in TEXT_PARTS for piece in name.split("."))
