"""The six numeric fixtures of CAT-Seg, through the conversion that reads its released checkpoints."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from ovsam.registry import build_model
from ovsam.weights.conversion_catseg import catseg_name, convert_catseg

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / "configs"
FLOAT16, FLOAT32 = 1e-3, 2e-5  # of the maximum: arrays stored in half precision, and others
LOSS, GRADIENT = 1e-5, 1e-3  # absolute; of the norm
PIXELS = 2e-4  # fraction of the label map that may differ


def load_module(name):
    spec = importlib.util.spec_from_file_location(f"parity_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catseg, recipe = load_module("catseg"), load_module("recipe")


@pytest.fixture(scope="module")
def folder(shared):
    return shared / "parity" / "catseg"


@pytest.fixture(scope="module")
def weights(folder):
    filled = recipe.fill_state_dict(str(folder / "catseg_tiny_keys.json"))
    return catseg.overridden(filled, folder / "catseg_tiny_overrides.json")


@pytest.fixture(scope="module")
def model():
    return build_model(Config.fromfile(str(CONFIGS / "parity" / "catseg_tiny.py")).model)


def found_and_expected(name, model, weights, folder):
    found = catseg.run_fixture(model, weights, folder / f"{name}.npz")
    return found, dict(np.load(folder / f"{name}.npz"))


def close(found, expected, names):
    for name in names:
        assert found[name].shape == expected[name].shape, name
        tolerance = FLOAT16 if expected[name].dtype == np.float16 else FLOAT32
        error = np.abs(found[name] - expected[name].astype(np.float32)).max()
        assert error <= tolerance * np.abs(expected[name]).max(), f"{name}: {error}"


def close_stages(found, stages):
    compared = [name for name in stages if f"stage/{name}" in found]
    for name in compared:
        stage = stages[name]
        assert tuple(found[f"stage_shape/{name}"]) == tuple(stage["shape"]), name
        summary = [stage["mean"], stage["std"], stage["absmax"]]
        limit = FLOAT32 * stage["absmax"]
        assert np.abs(found[f"stage/{name}"] - summary).max() <= limit, name
        probes = found[f"stage_probe{len(stage['probe'])}/{name}"]
        assert np.abs(probes - stage["probe"]).max() <= limit, name
    return len(compared)


def details(folder, name):
    return json.loads((folder / f"{name}_expected.json").read_text())


def test_dense_clip_equals_the_reference(model, weights, folder):
    found, expected = found_and_expected("clip_dense", model, weights, folder)
    close(found, expected, ("visual_dense", "tap3", "tap7", "text_raw", "pos_embed_first8"))
    assert close_stages(found, details(folder, "clip_dense")["stages"]) >= 20


@pytest.mark.seconds
def test_aggregator_and_decoder_equal_the_reference(model, weights, folder):
    found, expected = found_and_expected("aggregator_eval", model, weights, folder)
    names = ("logits", "logits_pool2_stride2", "layer0_out_c0", "agg_out_c0_5_11")
    close(found, expected, names)
    assert close_stages(found, details(folder, "aggregator_eval")["stages_isolated_pool1"]) >= 24


@pytest.mark.slow
def test_training_step_equals_the_reference(model, weights, folder):
    found, expected = found_and_expected("train_step", model, weights, folder)
    wanted = details(folder, "train_step")
    assert found["loss"] == pytest.approx(wanted["loss"], abs=LOSS)
    close(found, expected, ("logits_stride2",))
    assert close_stages(found, wanted["stages"]) >= 40
    zeros = {*wanted["zero_gradient_exact"], *wanted["zero_gradient_up_to_rounding"]}
    gradients = {name: values for name, values in found.items() if name.startswith("grad/")}
    assert gradients.keys() == {f"grad/{name}" for name in wanted["grads"]}
    for name, stored in wanted["grads"].items():
        gradient = torch.from_numpy(gradients[f"grad/{name}"])
        if name in zeros:
            assert gradient.norm() <= 1e-6, name
            continue
        probe = recipe.tensor_for(f"probe.{name}", list(gradient.shape))
        assert gradient.norm().item() == pytest.approx(stored["norm"], rel=GRADIENT), name
        limit = GRADIENT * stored["norm"] * probe.norm().item()
        assert (gradient * probe).sum().item() == pytest.approx(stored["probe"], abs=limit), name
    model.zero_grad()


@pytest.mark.slow
def test_class_cap_equals_the_reference(model, weights, folder):
    found, expected = found_and_expected("topk300", model, weights, folder)
    np.testing.assert_array_equal(found["kept"], expected["kept"])
    kept = expected["kept"]
    for name in ("logits_mean", "logits_std"):
        assert np.abs(found[name] - expected[name])[kept].max() <= 2e-4, name
    assert (found["logits_mean"][~kept] == -100).all()
    assert (found["logits_std"][~kept] == 0).all()
    close(found, expected, ("logits_shown_stride2",))


@pytest.mark.slow
def test_views_equal_the_reference(model, weights, folder):
    found, expected = found_and_expected("sliding_500x375", model, weights, folder)
    close(found, expected, ("crop_logits24", "prob64", "prob64_shortest640", "prob64_whole"))
    for name in ("argmax", "argmax_shortest640_stride5", "argmax_whole_stride5"):
        assert found[name].shape == expected[name].shape
        assert (found[name] != expected[name]).mean() <= PIXELS, name


@pytest.mark.parametrize(
    ("config", "keys"),
    [("vitb16", "catseg_vitb16_keys.json"), ("vitl14", "catseg_vitl14_336_keys.json")],
)
def test_full_size_models_have_the_names_and_shapes_of_the_released_files(config, keys, folder):
    shapes = json.loads((folder / keys).read_text())
    with torch.device("meta"):
        built = build_model(
            Config.fromfile(str(CONFIGS / "catseg" / f"catseg_{config}_cocostuff_80k.py")).model
        )
        converted = convert_catseg({name: torch.empty(shape) for name, shape in shapes.items()})
    ours = {name: tensor.shape for name, tensor in built.state_dict().items()}
    assert {name: tensor.shape for name, tensor in converted.items()} == ours


def test_a_foreign_name_is_refused():
    assert catseg_name("backbone.res2.weight") is None
    with pytest.raises(ValueError, match="not of CAT-Seg"):
        convert_catseg({"backbone.res2.weight": torch.zeros(1)})
