"""Which configs may be tested in one pass: those that encode images by equal parts and weights."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

#: Keys of a config that decide, beside the data and the model, on what is computed.
SETTINGS = ("precision", "compile", "env_cfg", "randomness")
#: The same of a model.
LIMITS = ("chunk_size", "max_prompts")


def check_settings(config: Config, lead: Config, split: str) -> None:
    """Check that two configs read the same data and compute in the same way.

    Raises:
        ValueError: names the key of the config that differs.
    """
    for key in (f"{split}_dataloader", *SETTINGS):
        if (_plain(config, key) or None) != (_plain(lead, key) or None):  # False is as if not set
            raise _refusal(config, lead, key)


def share_parts(model: nn.Module, config: Config, others: Sequence[tuple[nn.Module, Config]]) -> None:
    """Replace the parts of `model` that others have, too, with theirs.

    Args:
        model, config: with its weights.
        others: models and configs that share a pass already; the first one encodes the images.

    Raises:
        ValueError: a part that decides on image features is not the same; the message names the part and
            what differs.
    """
    lead, lead_config = others[0]
    for name in dict.fromkeys((*_parts(lead, "image_parts"), *_parts(model, "image_parts"))):
        if found := _difference(name, model, config, lead, lead_config):
            raise _refusal(config, lead_config, found)
    for name in LIMITS:
        if getattr(model, name) != getattr(lead, name):
            raise _refusal(config, lead_config, f"model.{name}")
    for name, _ in list(model.named_children()):
        having = [one for one in others if getattr(one[0], name, None) is not None]
        for other, other_config in having:
            found = _difference(name, model, config, other, other_config)
            if not found:
                setattr(model, name, getattr(other, name))
                break
            if name in (*_parts(model, "feature_parts"), *_parts(other, "feature_parts")):
                raise _refusal(config, other_config, found)


def _parts(model: nn.Module, kind: str) -> tuple[str, ...]:
    if not hasattr(model, kind):
        raise ValueError(f"{type(model).__name__} does not answer prompts: test it alone")
    named = getattr(model, kind)
    return tuple(name for name, _ in model.named_children()) if named is None else named


def _difference(name: str, model: Any, config: Config, other: Any, other_config: Config) -> str:
    """What differs between the parts of this name; empty if nothing does."""
    own, theirs = getattr(model, name, None), getattr(other, name, None)
    if own is None or theirs is None:
        return "" if own is theirs else f"model.{name}, which only one has"
    if _plain(config, "model").get(name) != _plain(other_config, "model").get(name):
        return f"the options of model.{name}"
    mine, given = own.state_dict(), theirs.state_dict()
    is_same = mine.keys() == given.keys() and all(
        torch.equal(tensor.cpu(), given[key].cpu()) for key, tensor in mine.items()
    )
    return "" if is_same else f"the weights of model.{name}"


def _plain(config: Config, key: str) -> Any:
    """A value of a config with names in place of classes; a lazy class is not equal to itself loaded."""
    return config.to_dict().get(key)


def _refusal(config: Config, lead: Config, difference: str) -> ValueError:
    return ValueError(
        f"{config.experiment_name} cannot share a pass with {lead.experiment_name}, they differ in"
        f" {difference}: test it alone"
    )
