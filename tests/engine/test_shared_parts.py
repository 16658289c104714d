"""Which configs may share a pass: what differs is named, what is equal becomes one object."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from ovsam.engine.shared_parts import check_settings, share_parts


class Segmentor(nn.Module):
    image_parts = ("encoder", "adapter")
    mask_parts = ("decoder",)
    feature_parts = ("clip",)

    def __init__(self, chunk_size=64, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.chunk_size, self.max_prompts = chunk_size, 10


def made(name="mini/row", options=(), weights=(), without=(), **more):
    """A model of layers and its config; `options` and `weights` name parts that differ."""
    names = [part for part in ("encoder", "decoder", "clip", "text") if part not in without]
    parts = {part: nn.Linear(2, 3) for part in (*names, *more.pop("added", ()))}
    for part, layer in parts.items():
        nn.init.constant_(layer.weight, 2.0 if part in weights else 1.0)
        nn.init.constant_(layer.bias, 0.0)
    model = {part: dict(type=nn.Linear, heads=2 if part in options else 1) for part in parts}
    loader = dict(batch_size=4, dataset=dict(ann_file="a.json"))
    config = Config(dict(experiment_name=name, model=model, test_dataloader=loader))
    return Segmentor(**parts, **more), config


def test_equal_parts_become_one_object():
    lead, row = made("mini/lead"), made(weights=["text"])
    share_parts(*row, [lead])
    for name in ("encoder", "decoder", "clip"):
        assert getattr(row[0], name) is getattr(lead[0], name)
    assert row[0].text is not lead[0].text
    assert torch.equal(row[0].text.weight, torch.full((3, 2), 2.0))


def test_a_model_that_names_no_parts_of_its_images_must_be_the_same_whole(monkeypatch):
    monkeypatch.setattr(Segmentor, "image_parts", None)
    share_parts(*made(), [made("mini/lead")])
    with pytest.raises(ValueError, match=r"differ in the weights of model\.text: test it alone"):
        share_parts(*made(weights=["text"]), [made("mini/lead")])


def test_other_masks_of_the_same_features_may_share_a_pass():
    lead, row, third = made("mini/lead"), made(weights=["decoder"]), made(weights=["decoder"])
    share_parts(*row, [lead])
    assert row[0].encoder is lead[0].encoder
    assert row[0].decoder is not lead[0].decoder
    share_parts(*third, [lead, row])
    assert third[0].decoder is row[0].decoder


def test_a_part_that_the_first_lacks_is_shared_with_another_row():
    lead, second, third = made("mini/lead", without=["clip"]), made(), made()
    share_parts(*second, [lead])
    share_parts(*third, [lead, second])
    assert third[0].clip is second[0].clip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (dict(options=["encoder"]), "the options of model.encoder"),
        (dict(weights=["encoder"]), "the weights of model.encoder"),
        (dict(without=["encoder"]), "model.encoder, which only one has"),
        (dict(added=["adapter"]), "model.adapter, which only one has"),
        (dict(weights=["clip"]), "the weights of model.clip"),
        (dict(options=["clip"]), "the options of model.clip"),
        (dict(chunk_size=32), "model.chunk_size"),
    ],
)
def test_other_features_are_refused_by_name(changes, told):
    expected = f"^mini/row cannot share a pass with mini/lead, they differ in {told}: test it alone$"
    with pytest.raises(ValueError, match=expected):
        share_parts(*made(**changes), [made("mini/lead")])
    third = made("mini/third", without=["clip"])
    if "clip" in told:  # also behind a first row that does not read it
        with pytest.raises(ValueError, match=told):
            share_parts(*made(**changes), [third, made("mini/lead")])


def test_a_model_that_answers_no_prompts_is_refused():
    with pytest.raises(ValueError, match="Linear does not answer prompts: test it alone"):
        share_parts(nn.Linear(2, 3), Config(), [made()])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"test_dataloader.dataset.ann_file": "b.json"}, "test_dataloader"),
        ({"test_dataloader.batch_size": 5}, "test_dataloader"),
        ({"precision": "bfloat16"}, "precision"),
        ({"compile": True}, "compile"),
    ],
)
def test_other_data_or_another_way_to_compute_is_refused(change, told):
    (_, lead), (_, row) = made("mini/lead"), made()
    row.merge_from_dict({"compile": False})  # as if it was not set
    check_settings(row, lead, "test")
    row.merge_from_dict(change)
    with pytest.raises(ValueError, match=f"mini/row .* mini/lead, they differ in {told}: test it alone"):
        check_settings(row, lead, "test")
