"""Weights become part of the package: in half precision, with their origin, the same every time."""

import json
import re

import pytest
import torch

from ovsam.cli import find_config, main
from ovsam.commands.release_weights import whole_subtrees
from ovsam.datasets.shapes.world import WORLD_VERSION
from ovsam.engine.configuration import load_config
from ovsam.files import sha256_of
from ovsam.registry import build_model
from ovsam.weights import load_parts, read_metadata, read_tensors, save_weights
from tests.released import TRAINED, use_folder


def build(config):
    return build_model(load_config(find_config(config)).model)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Folders as trainings leave them, of random weights; only CLIP's encoder is the same in two."""
    root = tmp_path_factory.mktemp("exported")
    torch.manual_seed(11)
    clip, sam, whole = (build(f"mini/{stem}") for stem in ("clip_rn", "sam_vit", "ovsam_rn"))
    rounded = {n: t.half().float() if t.is_floating_point() else t for n, t in clip.state_dict().items()}
    clip.load_state_dict(rounded)
    whole.backbone.load_state_dict(clip.image_encoder.state_dict())
    path = root / "clip_rn" / "weights.safetensors"
    save_weights(clip, path, {**TRAINED, "config": "mini/clip_rn", "seed": "4"})
    save_weights(sam, root / "sam_vit" / "weights.safetensors", {**TRAINED, "config": "mini/sam_vit"})
    save_weights(whole, root / "ovsam_rn" / "weights.safetensors", TRAINED)
    return root


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return use_folder(monkeypatch, tmp_path / "small")


def release(*arguments):
    return main(["release_weights", *map(str, arguments)])


def test_a_file_and_its_line_are_written_the_same_every_time(exported, folder, capsys):
    assert release(exported / "clip_rn", "shapes_clip_rn") == 0
    path = folder / "shapes_clip_rn.safetensors"
    first, digest = path.read_bytes(), sha256_of(path)
    assert f"sha256 {digest}" in capsys.readouterr().out
    entry = {"sha256": digest, "config": "mini/clip_rn", "commit": TRAINED["commit"]}
    assert json.loads((folder / "released.json").read_text()) == {"shapes_clip_rn": entry}
    assert release(exported / "clip_rn" / "weights.safetensors", "shapes_clip_rn") == 0
    assert path.read_bytes() == first
    metadata = read_metadata(path)
    assert metadata["name"] == "shapes_clip_rn"
    assert metadata["licence"] == "Apache-2.0"
    assert metadata["shapes_world"] == str(WORLD_VERSION)
    assert metadata["command"] == "python tools/train.py configs/mini/clip_rn.py --seed 4"
    assert len(metadata["config_digest"]) == 64
    assert metadata["exported_sha256"] == sha256_of(exported / "clip_rn" / "weights.safetensors")
    given = read_tensors(exported / "clip_rn" / "weights.safetensors")
    kept = read_tensors(path)
    assert kept.keys() == given.keys()
    for name, tensor in given.items():
        assert kept[name].dtype == (torch.float16 if tensor.is_floating_point() else tensor.dtype)
        assert torch.equal(kept[name].to(tensor.dtype), tensor)


def test_unchanged_parts_of_other_released_weights_stay_out(exported, folder, capsys):
    release(exported / "clip_rn", "shapes_clip_rn")
    release(exported / "sam_vit", "shapes_sam")
    assert release(exported / "ovsam_rn", "shapes_ovsam") == 0
    assert "backbone: left to shapes_clip_rn#image_encoder" in capsys.readouterr().err
    path = folder / "shapes_ovsam.safetensors"
    parts = {name.partition(".")[0] for name in read_tensors(path)}
    assert "backbone" not in parts
    assert {"classifier", "neck", "mask_decoder"} <= parts  # the text encoder differs, so it is kept
    names = {"shapes_clip_rn", "shapes_sam", "shapes_ovsam"}
    assert json.loads((folder / "released.json").read_text()).keys() == names
    model = build("mini/ovsam_rn")
    load_parts(model, {"": "shapes_ovsam"}, "")
    for name, tensor in read_tensors(exported / "ovsam_rn" / "weights.safetensors").items():
        rounded = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(model.state_dict()[name], rounded), name


def test_what_a_training_left_of_a_part_stays_out_too(exported, folder, tmp_path):
    release(exported / "clip_rn", "shapes_clip_rn")
    release(exported / "sam_vit", "shapes_sam")
    given = exported / "ovsam_rn" / "weights.safetensors"
    tensors = read_tensors(given)
    trained = "backbone.visual.layer3.0.conv2.weight"
    tensors[trained] = tensors[trained] + 1
    save_weights(tensors, tmp_path / "a.safetensors", read_metadata(given))
    assert release(tmp_path / "a.safetensors", "shapes_ovsam") == 0
    path = folder / "shapes_ovsam.safetensors"
    left_out = json.loads(read_metadata(path)["left_out"])
    assert left_out["backbone.visual.layer2"][0] == "shapes_clip_rn#image_encoder.visual.layer2"
    assert "backbone.visual.layer3.0.conv1" in left_out
    assert not {"backbone", "backbone.visual.layer3", trained} & left_out.keys()
    assert [name for name in read_tensors(path) if name.startswith("backbone.")] == [trained]
    model = build("mini/ovsam_rn")
    load_parts(model, {"": "shapes_ovsam"}, "")
    for name, tensor in tensors.items():
        rounded = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(model.state_dict()[name], rounded), name


@pytest.mark.parametrize(
    ("names", "chosen", "found"),
    [
        (["b.x", "b.y", "a"], ["a", "b.y", "b.x"], [""]),
        (["b.x", "b.y", "a"], ["b.y", "b.x"], ["b"]),
        (["b.x", "b.y.z", "b.y.w", "a"], ["b.y.w", "b.y.z"], ["b.y"]),
        (["b.x", "bb.x", "a"], ["b.x", "a"], ["a", "b"]),
        ([""], [""], [""]),
        ([""], [], []),
        (["a", "a.b"], ["a.b"], ["a.b"]),  # of two models
    ],
)
def test_whole_subtrees(names, chosen, found):
    assert list(whole_subtrees(names, chosen)) == found


def test_what_it_shares_comes_first(exported, folder, capsys):
    assert release(exported / "ovsam_rn", "shapes_ovsam") == 2
    assert "shapes_clip_rn: this package was built without its weights" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_options_of_the_training_are_in_the_command(exported, folder, tmp_path):
    given = exported / "clip_rn" / "weights.safetensors"
    options = {"train_cfg.max_epochs": "3", "weights_root": "'runs/somebody'"}
    facts = {**read_metadata(given), "options": json.dumps(options)}
    save_weights(read_tensors(given), tmp_path / "a.safetensors", facts)
    release(tmp_path / "a.safetensors", "shapes_clip_rn")
    metadata = read_metadata(folder / "shapes_clip_rn.safetensors")
    assert metadata["command"].endswith("--seed 4 --cfg-options train_cfg.max_epochs=3")
    assert "somebody" not in str(metadata)  # a place of that machine, not part of what it computed


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"dirty": "true"}, "uncommitted changes; train again from a commit, or give --commit"),
        ({"commit": "", "dirty": "null"}, "trained outside a checkout"),
        ({"commit": "c0ffee"}, "commit 'c0ffee', expected a whole hash"),
        ({"licence": "non-commercial"}, "is under non-commercial, expected Apache-2.0"),
        ({"shapes_world": "1"}, "knows world 1 of `shapes`"),
        ({"config": "mini/sam_vit"}, "does not fit PromptableSam"),
        ({"seed": None}, "does not say its seed"),
    ],
)
def test_weights_that_may_not_be_released_are_refused(exported, folder, tmp_path, capfd, facts, message):
    given = exported / "clip_rn" / "weights.safetensors"
    changed = {k: v for k, v in {**read_metadata(given), **facts}.items() if v is not None}
    save_weights(read_tensors(given), tmp_path / "a.safetensors", changed)
    assert release(tmp_path / "a.safetensors", "shapes_clip_rn") == 2
    assert re.search(message, capfd.readouterr().err)
    assert not list(folder.iterdir())
    if "dirty" in facts:
        assert release(tmp_path / "a.safetensors", "shapes_clip_rn", "--commit", "5" * 40) == 0
        assert json.loads((folder / "released.json").read_text())["shapes_clip_rn"]["commit"] == "5" * 40


@pytest.mark.parametrize(
    ("value", "told"), [(float("nan"), "NaN"), (-7e4, "70000"), (float("inf"), "inf")]
)
def test_numbers_that_half_precision_cannot_hold_are_refused(
    exported, folder, tmp_path, capsys, value, told
):
    given = exported / "clip_rn" / "weights.safetensors"
    tensors = read_tensors(given)
    name = next(n for n, t in tensors.items() if t.dim() == 2)
    tensors[name][1, 0] = value
    save_weights(tensors, tmp_path / "a.safetensors", read_metadata(given))
    assert release(tmp_path / "a.safetensors", "shapes_clip_rn") == 2
    assert f"{name} holds {told}, expected finite numbers of at most 65504" in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_a_source_that_does_not_say_its_world_is_taken_for_this_one(exported, folder, tmp_path, capsys):
    given = exported / "clip_rn" / "weights.safetensors"
    facts = {k: v for k, v in read_metadata(given).items() if k != "shapes_world"}
    save_weights(read_tensors(given), tmp_path / "a.safetensors", facts)
    assert release(tmp_path / "a.safetensors", "shapes_clip_rn") == 0
    assert f"taken for world {WORLD_VERSION}" in capsys.readouterr().err
    metadata = read_metadata(folder / "shapes_clip_rn.safetensors")
    assert metadata["shapes_world"] == str(WORLD_VERSION)


def test_unknown_names_and_missing_sources(folder, tmp_path, capsys):
    assert release(tmp_path, "shapes_clip") == 2
    assert "NAME must be one of shapes_clip_rn, shapes_sam" in capsys.readouterr().err
    assert release(tmp_path, "shapes_sam") == 2
    assert "no weights at" in capsys.readouterr().err
