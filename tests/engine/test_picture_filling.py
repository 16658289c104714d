"""Filling the cache of frozen parts before the first step."""

import logging
from types import SimpleNamespace

import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from ovsam.engine import picture_filling
from ovsam.engine.picture_filling import KeepPictures
from ovsam.models.picture_cache import PictureCache

PICTURES = torch.rand(5, 3, 4, 6, generator=torch.Generator().manual_seed(0))


class Model:
    """What the hook needs of a model; remembers the pictures that were computed."""

    def __init__(self, cache):
        self.cache, self.seen, self.part = cache, [], nn.Identity()
        self.part.register_forward_hook(lambda part, inputs, output: self.seen.append(inputs[0][0]))

    def data_preprocessor(self, batch, training):
        assert training
        return {"inputs": torch.stack(batch["inputs"])}

    def keep(self, inputs):
        return self.cache(inputs, self.part)


def fill(root, pictures=PICTURES, precision="float32", model=None):
    """The pictures that a training below `root` computes."""
    model = model or Model(PictureCache(max_gib=1))
    loader = SimpleNamespace(
        dataset=[{"inputs": picture} for picture in pictures], collate_fn=pseudo_collate
    )
    runner = SimpleNamespace(
        bare_model=model,
        train_dataloader=loader,
        logger=logging.getLogger(),
        cfg=dict(weights_root=str(root / "seed_0"), precision=precision),
    )
    KeepPictures().before_train(runner)
    return torch.stack(model.seen) if model.seen else torch.empty(0)


def test_every_picture_is_computed_once_and_what_is_kept_is_not_computed_again(tmp_path):
    others, seen = fill(tmp_path, PICTURES[1:3]), fill(tmp_path)
    assert (len(others), len(seen)) == (2, 3)
    assert not fill(tmp_path).numel()
    found = torch.cat([others, seen]).flatten(1).sum(dim=1).sort()[0]
    torch.testing.assert_close(found, PICTURES.flatten(1).sum(dim=1).sort()[0])
    assert len([*(tmp_path / "kept_pictures").glob("*/*")]) == len(PICTURES)


def test_processes_take_different_orders(tmp_path, monkeypatch):
    orders = []
    for number in (1, 2):
        monkeypatch.setattr(picture_filling.os, "getpid", lambda number=number: number)
        orders.append(fill(tmp_path / str(number)))
    assert not torch.equal(*orders)


def test_global_randomness_is_left_alone(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    fill(tmp_path)
    assert torch.rand(1) == expected


def test_half_precision_and_no_cache_are_left_to_the_training(tmp_path):
    assert not fill(tmp_path, precision="bfloat16").numel()
    assert not fill(tmp_path, model=Model(None)).numel()
    assert not [*tmp_path.iterdir()]
