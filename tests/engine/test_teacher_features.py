"""The fingerprint of a feature store: the teacher's file is read once, and its source told whole."""

import os

import pytest
from mmengine.config import Config
from torch import nn

from ovsam.engine.teacher_features import fingerprint_of
from ovsam.weights import WeightsError, load_parts, released, save_weights


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(3, 2)


@pytest.fixture
def root(tmp_path):
    save_weights(Teacher(), tmp_path / "sam_vit" / "weights.safetensors", {})
    return tmp_path


def config_of(root, weights):
    return Config(
        dict(
            cached_teacher=dict(model=dict(type="x"), weights=weights),
            model=dict(data_preprocessor=dict(mean=[1.0])),
            train_dataloader=dict(dataset=dict(pipeline=[])),
            weights_root=str(root),
        )
    )


@pytest.fixture
def reads(monkeypatch):
    """Paths that were hashed."""
    found = []
    whole = released.sha256_of

    def counting(path):
        found.append(os.fspath(path))
        return whole(path)

    monkeypatch.setattr(released, "sha256_of", counting)
    return found


def test_the_teachers_file_is_hashed_once_until_it_changes(root, reads):
    config = config_of(root, "sam_vit#encoder")
    first = fingerprint_of(config)
    digests = load_parts(nn.Linear(3, 2), {"": "sam_vit#encoder"}, root)
    assert len(reads) == 1
    assert first["weights"] == f"{digests['sam_vit']}#encoder"
    save_weights(Teacher(), root / "sam_vit" / "weights.safetensors", {})
    assert fingerprint_of(config)["weights"] != first["weights"]
    assert len(reads) == 2


def test_part_and_converter_of_the_source_count(root):
    found = [
        fingerprint_of(config_of(root, weights))["weights"]
        for weights in ("sam_vit", "sam_vit#encoder", "first_mask:sam_vit#encoder")
    ]
    digest = found[0].rstrip("#")
    assert found == [f"{digest}#", f"{digest}#encoder", f"first_mask:{digest}#encoder"]


def test_misspelt_source_is_named(root):
    with pytest.raises(WeightsError, match="asks for the converter 'fist_mask'; known: first_mask"):
        fingerprint_of(config_of(root, "fist_mask:sam_vit#encoder"))
    with pytest.raises(WeightsError, match=r"no weights at .*sam_vith"):
        fingerprint_of(config_of(root, "first_mask:sam_vith"))
