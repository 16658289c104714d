"""Weights that the package brings: whole, unchanged, of this world, read like SAM's and CLIP's."""

import json

import pytest
import torch
from torch import nn

from ovsam.cli import find_config
from ovsam.datasets.shapes.world import WORLD_VERSION
from ovsam.files import sha256_of
from ovsam.weights import (
    WeightsError,
    check_sources,
    load_parts,
    locate,
    read_metadata,
    read_tensors,
    resolve,
    save_weights,
    shipped,
)
from ovsam.weights.licences import licence_of_sources
from ovsam.weights.sources import open_weights
from tests.released import bring, use_folder


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.layer.register_buffer("count", torch.tensor(70_001))


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = Part()
        self.head = nn.Linear(2, 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    return use_folder(monkeypatch, tmp_path / "small")


@pytest.mark.parametrize("name", shipped.NAMES)
def test_the_package_is_built_with_its_weights(name):
    path, digest = shipped.fetch_shipped(name)
    file = open_weights(name, "")  # of this world, and with the parts that others hold
    assert file.licence == shipped.LICENCE
    assert all(tensor.isfinite().all() for tensor in file.tensors.values())
    assert not [n for n, t in read_tensors(path).items() if t.dtype == torch.float32]
    metadata = read_metadata(path)
    assert metadata["name"] == name
    assert find_config(metadata["config"])
    entry = {"sha256": digest, "config": metadata["config"], "commit": metadata["commit"]}
    assert shipped.read_table()[name] == entry


def test_the_packages_weights_are_small_and_all_of_them_known():
    files = list(shipped.FOLDER.glob("*.safetensors"))
    total, packed = sum(f.stat().st_size for f in files), sum(map(shipped.packed_size, files))
    assert packed <= shipped.MAX_WHEEL_BYTES
    told = f"they take {total / 1e6:.1f} MB, and {packed / 1e6:.1f} MB in a wheel"
    assert told in (shipped.FOLDER / "README.md").read_text()
    assert {path.stem for path in files} == shipped.read_table().keys() <= set(shipped.NAMES)


def test_half_precision_is_read_into_single_and_counters_stay(folder):
    torch.manual_seed(3)
    trained, model = Part(), Whole()
    path = bring("shapes_sam", trained.state_dict())
    found = load_parts(model, {"part": "shapes_sam"}, "no such folder")
    assert found == {"shapes_sam": sha256_of(path)}
    weight = model.part.layer.weight
    assert weight.dtype == torch.float32
    assert torch.equal(weight, trained.layer.weight.half().float())
    assert not torch.equal(weight, trained.layer.weight)
    assert model.part.layer.count.item() == 70_001  # more than a half-precision number holds
    load_parts(model, {"part.layer": "shapes_sam#layer"}, "")
    check_sources({"part.layer": "shapes_sam#layer"}, "")
    with pytest.raises(WeightsError, match="nothing below 'neck'"):
        check_sources({"part.layer": "shapes_sam#neck"}, "")


def test_its_licence_is_known(folder):
    bring("shapes_sam", Part().state_dict())
    assert licence_of_sources(["shapes_sam"], "") == "Apache-2.0"


@pytest.mark.parametrize("read", [resolve, locate, open_weights])
def test_a_changed_file_is_refused(folder, read):
    path = bring("shapes_sam", Part().state_dict())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"has sha256 [0-9a-f]{64}, expected [0-9a-f]{64}.*reinstall"):
        read("shapes_sam", "")


def test_a_package_without_weights_says_so(folder):
    with pytest.raises(WeightsError, match=r"this package was built without its weights.*reinstall"):
        resolve("shapes_sam", "")
    bring("shapes_sam", Part().state_dict()).unlink()
    with pytest.raises(WeightsError, match="this package was built without its weights"):
        check_sources({"part": "shapes_sam"}, "")
    (folder / shipped.TABLE).write_text("{")
    with pytest.raises(ValueError, match=r"released\.json is not valid JSON.*reinstall"):
        resolve("shapes_sam", "")


def test_weights_of_another_world_are_refused_by_name(folder, tmp_path):
    bring("shapes_sam", Part().state_dict(), **{shipped.WORLD: "1"})
    stage = tmp_path / "sam_vit" / "weights.safetensors"
    save_weights(Part(), stage, {shipped.WORLD: "1"})
    for name in ("shapes_sam", "sam_vit", str(stage)):
        for read in (open_weights, lambda name, root: check_sources({"part": name}, root)):
            with pytest.raises(WeightsError) as error:
                read(name, tmp_path)
            expected = f"knows world 1 of `shapes`, expected world {WORLD_VERSION}"
            assert expected in str(error.value)
            assert "make quickstart" in str(error.value)


def test_parts_that_another_file_holds_are_read_from_there(folder):
    clip, trained, model = Part(), Whole(), Whole()
    clip_path = bring("shapes_clip_rn", {f"image.{n}": t for n, t in clip.state_dict().items()})
    left_out = {"part": ["shapes_clip_rn#image", sha256_of(clip_path)]}
    head = {n: t for n, t in trained.state_dict().items() if n.startswith("head.")}
    path = bring("shapes_ovsam", head, **{shipped.LEFT_OUT: json.dumps(left_out)})
    for source in ("shapes_ovsam", str(path)):
        check_sources({"": source, "part": f"{source}#part"}, "")
        load_parts(model, {"": source}, "")
        assert torch.equal(model.part.layer.weight, clip.layer.weight.half().float())
        assert torch.equal(model.head.weight, trained.head.weight.half().float())
    bring("shapes_clip_rn", {f"image.{n}": t for n, t in Part().state_dict().items()})
    with pytest.raises(WeightsError, match=r"shares .part. with shapes_clip_rn of sha256 .* but that"):
        load_parts(model, {"": "shapes_ovsam"}, "")


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        ("{", "does not say where its other parts are"),
        ('["part"]', "does not say where its other parts are"),
        ('{"part": ["shapes_clip_rn"]}', "does not say where its other parts are"),
        ('{"part": ["clip_rn50", "0"]}', "leaves 'part' to 'clip_rn50', expected another of shapes_"),
        ('{"part": ["/etc/a.pth#x", "0"]}', "leaves 'part' to '/etc/a.pth', expected another of"),
        ('{"part": ["shapes_ovsam#part", "0"]}', "leaves 'part' to 'shapes_ovsam', expected another"),
    ],
)
def test_parts_are_read_from_the_packages_files_only(folder, left_out, message):
    bring("shapes_ovsam", Whole().head.state_dict(), **{shipped.LEFT_OUT: left_out})
    with pytest.raises(WeightsError, match=message):
        open_weights("shapes_ovsam", "")


def test_a_part_is_in_one_file_only(folder):
    path = bring("shapes_clip_rn", Whole().state_dict())
    left_out = json.dumps({"part": ["shapes_clip_rn#part", sha256_of(path)]})
    bring("shapes_ovsam", Whole().state_dict(), **{shipped.LEFT_OUT: left_out})
    with pytest.raises(WeightsError, match=r"holds 'part\.layer\.bias' and says that another file does"):
        open_weights("shapes_ovsam", "")


def test_an_unknown_name_lists_them():
    with pytest.raises(WeightsError, match="did you mean shapes_sam"):
        resolve("shapes_sams", "")
