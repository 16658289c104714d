"""`ovsam convert_weights`: the authors' files become one checked file that says where it is from."""

import json
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from ovsam.cli import configs_folder, find_config, main
from ovsam.engine.lineage import check_lineage
from ovsam.files import sha256_of
from ovsam.registry import build_model
from ovsam.weights import below, load_parts, read_metadata, read_tensors, save_weights
from ovsam.weights.conversion import convert_ovsam, ovsam_name
from ovsam.weights.released import RELEASED

FIXTURES = Path(__file__).parents[1] / "parity" / "fixtures"
DECODER = ("fpn_neck.", "mask_decoder.", "pe.")


def publish(tensors, path):
    """As the authors' files: an mmengine checkpoint with its history."""
    history = OrderedDict(loss=HistoryBuffer([0.5, 0.25], [1, 1]))
    content = {"state_dict": OrderedDict(tensors), "message_hub": {"log_scalars": history}}
    torch.save({**content, "meta": {"epoch": 12}}, path)


def random_like(tensor):
    noise = torch.randn(tensor.shape)
    return noise.half() if tensor.is_floating_point() else torch.full_like(tensor, 7)


SMALL = ("model.backbone.architecture=shapes-rn", "model.neck.width=32")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A small model in three files of the published layouts and names, which are the fixtures' own."""
    config = Config.fromfile(str(configs_folder() / "parity" / "ovsam_rn50_256.py"))
    config.model.backbone.architecture, config.model.neck.width = "shapes-rn", 32
    own = build_model(config.model).state_dict()
    keys = json.loads((FIXTURES / "ovsam_rn50_256_keys.json").read_text())
    tensors = {n: random_like(own[ovsam_name(n)]) for n in keys if ovsam_name(n) in own}
    assert len(tensors) == len(own)
    tensors |= {n: torch.randn(shape) for n, shape in keys.items() if ".label_mlp." in n}
    folder = tmp_path_factory.mktemp("published")
    parts = {
        "backbone.pth": {n: t for n, t in tensors.items() if n.startswith("backbone.")},
        "sam2clip_vith_rn50x16.pth": {
            n.replace("neck.", "neck_student.", 1): t
            for n, t in tensors.items()
            if n.startswith("neck.")
        },
        "clip2sam_coco_rn50x16.pth": {n: t for n, t in tensors.items() if n.startswith(DECODER)},
    }
    assert sum(map(len, parts.values())) == len(tensors)
    for name, part in parts.items():
        publish(part, folder / name)
    return folder, tensors


def convert(*arguments):
    return main(["convert_weights", *map(str, arguments)])


def test_published_files_become_one(published, tmp_path, capsys):
    folder, reference = published
    out = tmp_path / "made" / "ovsam.safetensors"
    files = sorted(folder.iterdir())
    assert (
        convert(*files, "--config", "parity/ovsam_rn50_256", "--output", out, "--cfg-options", *SMALL)
        == 0
    )
    found = read_tensors(out)
    expected = convert_ovsam(reference)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0, check_dtype=False)
    printed = capsys.readouterr()
    assert "dropped the label MLP (6 tensors, 394,752 parameters)" in printed.err
    assert "licence: NTU S-Lab License 1.0 (non-commercial use only)" in printed.err
    assert sha256_of(out) in printed.out
    metadata = read_metadata(out)
    assert metadata["converted_for"] == "parity/ovsam_rn50_256"
    assert "non-commercial" in metadata["licence"]
    sources = json.loads(metadata["sources"])
    assert {s["sha256"] for s in sources} == {sha256_of(file) for file in files}
    assert [s["licence"] for s in sources] == [
        "not stated",
        *[RELEASED["ovsam_sam2clip_rn50x16"].licence] * 2,
    ]
    card = out.with_suffix(".md").read_text()
    assert "may not be used commercially" in card
    assert all(s["sha256"] in card for s in sources)
    # A test of these weights is no test of something that was trained here.
    assert check_lineage([str(out)], tmp_path, stems={"ovsam_rn50_256"}, seed=3) == []


def test_what_is_missing_is_named_and_nothing_is_written(published, tmp_path, capsys):
    folder, _ = published
    out = tmp_path / "ovsam.safetensors"
    files = [folder / "backbone.pth", folder / "clip2sam_coco_rn50x16.pth"]
    assert (
        convert(*files, "--config", "parity/ovsam_rn50_256", "--output", out, "--cfg-options", *SMALL)
        == 2
    )
    error = capsys.readouterr().err
    assert "missing (neck.pos_embed" in error
    assert "only some parts" in error
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A miniature model in the files that its config starts from, and the rest in one of its own."""
    root = tmp_path_factory.mktemp("trained")
    config = Config.fromfile(str(configs_folder() / "mini" / "ovsam_rn.py"))
    model = build_model(config.model)
    given = {p: s for p, s in config.initial_weights.items() if s.startswith("shapes_")}
    load_parts(model, given, root)
    whole = model.state_dict()

    def renamed(**parts):
        return {
            f"{new}.{n}": t
            for new, old in parts.items()
            for n, t in below(whole, old.replace("__", ".")).items()
        }

    tensors, path = renamed(neck="neck"), root / "sam2clip_rn" / "weights.safetensors"
    save_weights(tensors, path, {"licence": "licence of sam2clip_rn"})
    rest = {n: t + 1 for n, t in whole.items() if n.startswith(("pyramid", "region_head", "mask_dec"))}
    torch.save(rest, root / "rest.pth")
    return root, {**whole, **rest}


def mini(root, out, *sources):
    options = ("--config", "mini/ovsam_rn", "--output", out, "--cfg-options", f"weights_root={root}")
    return convert(*sources, *options)


def test_parts_that_no_source_holds_come_from_the_config(trained, tmp_path, capsys):
    root, expected = trained
    out = tmp_path / "whole.safetensors"
    assert mini(root, out, root / "rest.pth") == 0
    found = read_tensors(out)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    config = Config.fromfile(str(configs_folder() / "mini" / "ovsam_rn.py"))
    assert load_parts(build_model(config.model), {"": str(out)}, tmp_path) == {str(out): sha256_of(out)}
    printed = capsys.readouterr().err
    assert "neck: from the config's initial_weights, sam2clip_rn#neck" in printed
    assert "shapes_sam#mask_decoder" not in printed  # the source has the whole decoder
    licence = read_metadata(out)["licence"]
    assert licence == "not stated; Apache-2.0; licence of sam2clip_rn"
    assert "ask its author" in out.with_suffix(".md").read_text()


def test_parts_can_be_named_and_later_sources_win(trained, tmp_path):
    root, expected = trained
    torch.save({"x." + n: t + 5 for n, t in below(expected, "neck").items()}, tmp_path / "a=b.pth")
    out = tmp_path / "whole.safetensors"
    assert mini(root, out, root / "rest.pth", f"neck={tmp_path / 'a=b.pth'}#x") == 0
    torch.testing.assert_close(
        read_tensors(out)["neck.blocks.0.norm1.bias"], expected["neck.blocks.0.norm1.bias"] + 5
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("spine={root}/rest.pth", "the model has no part 'spine'; its parts are"),
        ("{root}/gone.pth", "no weights at"),
        ("{root}/rest.pth#gone", "nothing below 'gone'"),
        ("neck={root}/rest.pth#pyramid", "unexpected (neck.network."),
        ("clip_vit_b_16", "offline"),
    ],
)
def test_wrong_sources(trained, tmp_path, capsys, monkeypatch, source, message):
    monkeypatch.setenv("OVSAM_OFFLINE", "1")
    root, _ = trained
    out = tmp_path / "whole.safetensors"
    assert mini(root, out, root / "rest.pth", source.format(root=root)) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_stage_that_was_never_trained_is_said_with_what_lacks(trained, tmp_path, capsys):
    root, _ = trained
    assert mini(tmp_path, tmp_path / "whole.safetensors", root / "rest.pth") == 2
    error = capsys.readouterr().err
    assert "tensors of 'neck' (neck." in error
    assert "tools/train.py configs/mini/sam2clip_rn.py" in error


def test_outputs_that_may_not_be(trained, tmp_path, capsys):
    root, _ = trained
    assert mini(root, tmp_path / "whole.pth", root / "rest.pth") == 2
    assert "must end with .safetensors" in capsys.readouterr().err
    (tmp_path / "there.safetensors").write_text("mine")
    assert mini(root, tmp_path / "there.safetensors", root / "rest.pth") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "there.safetensors").read_text() == "mine"


def test_offline_reaches_the_downloads(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OVSAM_OFFLINE", "0")
    out = tmp_path / "whole.safetensors"
    code = convert("sam_vit_b", "--config", find_config("mini/sam_vit"), "--output", out, "--offline")
    assert code == 2
    assert "offline" in capsys.readouterr().err
