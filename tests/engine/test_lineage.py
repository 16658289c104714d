"""Lineage: weights of another config or seed are refused, of doubtful making are named."""

import pytest
import torch

from ovsam.engine.lineage import check_lineage, training_metadata
from ovsam.weights import save_weights
from tests.released import bring, use_folder


def write(root, stem, *, config="mini/sam_vit", seed=0, options=(), **changes):
    metadata = training_metadata(config=config, seed=seed, options=dict(options), sources={})
    path = root / stem / "weights.safetensors"
    save_weights({"weight": torch.zeros(2)}, path, {**metadata, **changes})
    return path


def check(root, source, seed=0, stems=("sam_vit",)):
    return check_lineage([str(source)], root, stems=set(stems), seed=seed)


def test_weights_as_their_config_says_have_no_blemish(tmp_path):
    path = write(tmp_path, "sam_vit", options={"weights_root": "x"}, dirty="false")
    assert check(tmp_path, "sam_vit") == []
    assert check(tmp_path, path) == []


def test_options_and_uncommitted_changes_are_named(tmp_path):
    write(tmp_path, "sam_vit", options={"train_cfg.max_epochs": 1}, dirty="true")
    first, second = check(tmp_path, "sam_vit")
    assert "max_epochs" in first
    assert "uncommitted" in second


def test_weights_of_another_seed_are_refused(tmp_path):
    write(tmp_path, "sam_vit", seed=3)
    with pytest.raises(ValueError, match="has seed 3, expected 0: pass --seed 3"):
        check(tmp_path, "sam_vit")


def test_weights_of_another_config_are_refused(tmp_path):
    path = write(tmp_path, "ovsam_rn", config="mini/ovsam_all_names")
    with pytest.raises(ValueError, match="trained by mini/ovsam_all_names, expected ovsam_rn"):
        check(tmp_path, "ovsam_rn")
    with pytest.raises(ValueError, match="expected sam_vit"):
        check(tmp_path, path)


def test_released_weights_of_the_package_fit_every_seed(tmp_path, monkeypatch):
    use_folder(monkeypatch, tmp_path / "small")
    bring("shapes_ovsam", {"weight": torch.zeros(2)}, config="mini/ovsam_rn", seed="0")
    assert check(tmp_path, "shapes_ovsam", seed=5) == []


def test_files_that_were_not_trained_here_pass(tmp_path):
    path = tmp_path / "other.safetensors"
    save_weights({"weight": torch.zeros(2)}, path, {"licence": "Apache-2.0"})
    assert check(tmp_path, path) == []
