"""Published budgets of the full-size semantic segmentors, counted on the meta device."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from ovsam.benchmark.complexity import measure
from ovsam.registry import build_model
from ovsam.structures.vocabulary import Vocabulary

BASES = "configs/_base_/models"
LARGE = dict(architecture="ViT-L-14-336", image_size=336, taps=(7, 15))


def build(name, size, repository):
    config = Config.fromfile(str(repository / BASES / f"{name}.py"))
    config.model.vocabulary = dict(type=Vocabulary.from_names, names=["a"], name="one")
    if size == "L":
        config.model.backbone.update(LARGE)
    with torch.device("meta"):
        return build_model(config.model)


@pytest.fixture(scope="module")
def repository():
    return Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("size", "total", "learnable"), [("B", 154_289_378, 25_115_873), ("L", 433_726_946, 70_270_177)]
)
def test_parameters_of_catseg(size, total, learnable, repository):
    model = build("catseg", size, repository)
    assert sum(p.numel() for p in model.parameters()) == total
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == learnable


def test_parameters_of_escnet(repository):
    found = sum(p.numel() for p in build("escnet", "L", repository).parameters())
    assert found == 445_442_209  # ours; measured by this project
    assert found == pytest.approx(451e6, rel=0.015)  # published


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "macs", "tolerance"),
    [
        ("catseg", "B", 1_505.635e9, 1e-4),  # the released code, counted
        ("catseg", "L", 2_189.191e9, 1e-4),
        ("escnet", "L", 2_203.5e9, 0.06),  # published
    ],
)
def test_multiply_adds_of_five_views_at_150_classes(name, size, macs, tolerance, repository):
    model = build(name, size, repository)
    found = measure(model, 1, lambda: model.forward_complexity(150, 5), with_text=True)
    assert found.macs == pytest.approx(macs, rel=tolerance)
    assert found.params == sum(p.numel() for p in model.parameters())
    executed = measure(model, 1, lambda: model.forward_complexity(150, 5), is_executed=True)
    assert executed.macs < found.macs
