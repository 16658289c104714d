"""Every numeric fixture of the reference, through the conversion that reads its authors' files."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

pytestmark = pytest.mark.seconds

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
CONFIGS = HERE.parents[1] / "configs" / "parity"
EMBEDDING_TOLERANCE = 1e-4  # absolute, embeddings and mask logits
CLASS_TOLERANCE = 1e-3  # absolute, class logits
GRADIENT_TOLERANCE = 1e-4  # of the norm; norms that are 0 in exact arithmetic are noise below 1e-6


def load_module(name):
    spec = importlib.util.spec_from_file_location(f"parity_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load_module("run")
recipe = load_module("recipe")


@pytest.mark.parametrize("fixture", ["ovsam_box", "ovsam_point_genbox"])
def test_prediction_equals_the_reference(fixture, tmp_path, capsys):
    out = tmp_path / "out.npz"
    keys, inputs = FIXTURES / "ovsam_rn50_256_keys.json", FIXTURES / f"{fixture}.npz"
    run.main([str(CONFIGS / "ovsam_rn50_256.py"), str(keys), str(inputs), str(out)])
    assert "dropped the label MLP" in capsys.readouterr().err
    expected, found = dict(np.load(inputs)), dict(np.load(out))
    close(found, expected, ("image_embedding", "sparse_embeddings", "low_res_mask_logits"))
    close(found, expected, tuple(n for n in expected if n.endswith("_mean_std")))
    close(found, expected, ("head_class_logits", "fused_class_logits"), CLASS_TOLERANCE)
    for name in ("labels", "masks_shape", "masks"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@pytest.mark.parametrize("fixture", ["clip2sam", "sam2clip"])
def test_training_step_equals_the_reference(fixture):
    config = Config.fromfile(str(CONFIGS / f"{fixture}_rn50_256.py"))
    weights = recipe.fill_state_dict(str(FIXTURES / f"{fixture}_rn50_256_keys.json"))
    with np.load(FIXTURES / f"{fixture}_inputs.npz") as inputs:
        found = run.run_fixture(config, weights, inputs)
    expected = json.loads((FIXTURES / f"{fixture}_expected.json").read_text())
    losses = {name for name in found if name.startswith("loss/")}
    assert losses == {f"loss/{name}" for name in expected["losses"]}
    for name, value in expected["losses"].items():
        assert found[f"loss/{name}"] == pytest.approx(value, rel=1e-5), name
    norms = {name for name in found if name.startswith("grad_norm/")}
    assert norms == {f"grad_norm/{name}" for name in expected["grad_norms"]}
    for name, value in expected["grad_norms"].items():
        limit = pytest.approx(value, rel=GRADIENT_TOLERANCE, abs=1e-6)
        assert found[f"grad_norm/{name}"] == limit, name


def test_recipe_is_deterministic():
    first = recipe.tensor_for("neck.blocks.0.attn.qkv.weight", [3, 4])
    assert torch.equal(first, recipe.tensor_for("neck.blocks.0.attn.qkv.weight", [3, 4]))
    assert not torch.equal(first, recipe.tensor_for("neck.blocks.1.attn.qkv.weight", [3, 4]))


def close(found, expected, names, tolerance=EMBEDDING_TOLERANCE):
    for name in names:
        assert found[name].shape == expected[name].shape, name
        error = np.abs(found[name] - expected[name]).max()
        assert error <= tolerance, f"{name}: {error}"
