"""Weights: strict both ways, by part, read without running code, written whole or not at all."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from ovsam.files import sha256_of
from ovsam.weights import (
    Source,
    WeightsError,
    below,
    check_sources,
    expand_parts,
    load_parts,
    load_strict,
    read_metadata,
    read_tensors,
    save_weights,
)
from ovsam.weights import files as weight_files
from ovsam.weights.released import RELEASED, DownloadError


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.neck = nn.Linear(3, 2)
        self.head = nn.Linear(2, 4)
        self.neck.register_buffer("places", torch.zeros(5))


@pytest.fixture
def model():
    return Whole()


def test_strict_names_the_first_missing_unexpected_and_reshaped(model):
    tensors = dict(model.state_dict())
    before = model.head.bias.detach().clone()
    tensors["extra"] = torch.zeros(1)
    del tensors["neck.bias"]
    tensors["head.weight"] = torch.zeros(4, 3)
    tensors["head.bias"] = before + 1
    with pytest.raises(WeightsError) as error:
        load_strict(model, tensors, origin="a file")
    for piece in ("a file", "neck.bias", "extra", "head.weight (4, 3) instead of (4, 2)"):
        assert piece in str(error.value)
    torch.testing.assert_close(model.head.bias, before)  # nothing was copied


def test_round_trip_keeps_values_and_metadata(model, tmp_path):
    path = tmp_path / "stage" / "weights.safetensors"
    digest = save_weights(model, path, {"config": "mini/stage"})
    assert digest == sha256_of(path)
    assert read_metadata(path)["config"] == "mini/stage"
    tensors = read_tensors(path)
    assert tensors.keys() == model.state_dict().keys()
    torch.testing.assert_close(tensors["neck.weight"], model.neck.weight.detach())


def test_equal_weights_give_equal_files(model, tmp_path):
    facts = {name: f'"{name}" \n é 🦄 \x01\x7f' for name in ("config", "seed", "commit", "licence")}
    save_weights(model, tmp_path / "a.safetensors", facts)
    save_weights(model, tmp_path / "b.safetensors", dict(reversed(facts.items())))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert read_metadata(tmp_path / "a.safetensors") == {"format": "pt", **facts}
    assert torch.equal(read_tensors(tmp_path / "a.safetensors")["neck.bias"], model.neck.bias)


def test_parts_are_loaded_by_prefix_and_the_digest_is_returned(model, tmp_path):
    digest = save_weights(model, tmp_path / "stage" / "weights.safetensors", {})
    other = Whole()
    head = other.head.weight.detach().clone()
    found = load_parts(other, {"neck": "stage#neck"}, tmp_path)
    assert found == {"stage": digest}
    torch.testing.assert_close(other.neck.weight, model.neck.weight)
    torch.testing.assert_close(other.head.weight.detach(), head)
    load_parts(other, {"": "stage"}, tmp_path)
    torch.testing.assert_close(other.head.weight, model.head.weight)


def test_a_star_is_every_part_that_fits(model, tmp_path):
    save_weights(model, tmp_path / "stage" / "weights.safetensors", {})
    several = nn.ModuleDict({"blocks": nn.ModuleList([Whole() for _ in range(3)]), "neck": Whole()})
    before = several["neck"].neck.weight.detach().clone()
    load_parts(
        several, {"blocks.*.neck": "stage#neck", "blocks.*.head.bias": "stage#head.bias"}, tmp_path
    )
    for block in several["blocks"]:
        torch.testing.assert_close(block.neck.weight, model.neck.weight)
        torch.testing.assert_close(block.head.bias, model.head.bias)
    torch.testing.assert_close(several["neck"].neck.weight.detach(), before)
    names = ["blocks.0.neck.bias", "blocks.10.neck.bias", "blocks.0.necks.bias", "a.blocks.0.neck.bias"]
    assert expand_parts({"blocks.*.neck": "x", "": "y"}, names) == {
        "blocks.0.neck": "x", "blocks.10.neck": "x", "": "y",
    }  # fmt: skip
    with pytest.raises(WeightsError, match=r"no part that fits 'rows\.\*'"):
        load_parts(several, {"rows.*": "stage#neck"}, tmp_path)


def test_a_single_tensor_can_be_a_part(model, tmp_path):
    model.neck.places += 7
    save_weights(model, tmp_path / "stage" / "weights.safetensors", {})
    other = Whole()
    load_parts(other, {"neck.places": "stage#neck.places"}, tmp_path)
    assert other.neck.places.tolist() == [7] * 5
    with pytest.raises(WeightsError, match=r"holds no tensor 'neck\.gone'"):
        load_parts(other, {"neck.places": "stage#neck.gone"}, tmp_path)
    with pytest.raises(WeightsError, match=r"is \(2,\)"):
        load_parts(other, {"neck.places": "stage#neck.bias"}, tmp_path)


def test_missing_stage_names_the_command(model, tmp_path):
    with pytest.raises(WeightsError, match=r"tools/train\.py configs/mini/sam_vit\.py"):
        load_parts(model, {"neck": "sam_vit#neck"}, tmp_path)


def test_wrong_part_or_prefix_is_named(model, tmp_path):
    save_weights(model, tmp_path / "stage" / "weights.safetensors", {})
    with pytest.raises(WeightsError, match="no part 'spine'"):
        load_parts(model, {"spine": "stage#neck"}, tmp_path)
    with pytest.raises(WeightsError, match="nothing below 'spine'"):
        load_parts(model, {"neck": "stage#spine"}, tmp_path)
    with pytest.raises(WeightsError, match="check the prefix"):
        load_parts(model, {"": "stage#neck"}, tmp_path)


def test_truncated_file_is_an_error(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(model, path, {})
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="broken or truncated"):
        read_tensors(path)


def test_failed_write_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    save_weights(model, path, {})
    before = path.read_bytes()

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weight_files, "save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_weights(Whole(), path, {})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["weights.safetensors"]


def test_mmengine_checkpoint_with_history_is_read(model, tmp_path):
    history = HistoryBuffer([0.5, 0.25], [1, 1])
    checkpoint = {
        "state_dict": OrderedDict(model.state_dict()),
        "message_hub": {"log_scalars": OrderedDict(loss=history), "last": np.float64(0.25)},
        "meta": {"epoch": 3},
    }
    torch.save(checkpoint, tmp_path / "published.pth")
    tensors = read_tensors(tmp_path / "published.pth")
    assert tensors.keys() == model.state_dict().keys()
    torch.testing.assert_close(tensors["head.weight"], model.head.weight.detach())


class Attack:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_code_in_a_checkpoint_is_refused_and_not_run(model, tmp_path):
    target = tmp_path / "was_run"
    torch.save({"state_dict": model.state_dict(), "x": Attack(target)}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match="cannot be read safely"):
        read_tensors(tmp_path / "bad.pth")
    assert not target.exists()
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Attack(target)))
    with pytest.raises(WeightsError, match="cannot be read safely"):
        read_tensors(tmp_path / "bare.pth")
    assert not target.exists()


def test_below_cuts_at_the_dot():
    tensors = {"neck.a": torch.ones(1), "neck2.a": torch.zeros(1)}
    assert list(below(tensors, "neck")) == ["a"]
    assert below(tensors, "").keys() == tensors.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sam_vit", Source("sam_vit")),
        ("sam_vit#mask_decoder", Source("sam_vit", "mask_decoder")),
        ("first_mask:sam_vit_h#mask_decoder", Source("sam_vit_h", "mask_decoder", "first_mask")),
        ("C:/x.pth#neck", Source("C:/x.pth", "neck")),
        ("runs/a:b/x.pth", Source("runs/a:b/x.pth")),
    ],
)
def test_sources(text, expected):
    assert Source.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("second_mask:sam_vit_h", "asks for the converter 'second_mask'; known: first_mask"),
        ("https://host/file.pth", "addresses are not sources"),
        ("#neck", "names nothing"),
    ],
)
def test_sources_that_mean_nothing(text, message):
    with pytest.raises(WeightsError, match=message):
        Source.parse(text)


def test_first_mask_takes_token_0_of_a_sam_decoder(tmp_path):
    class Decoder(nn.Module):
        def __init__(self, tokens):
            super().__init__()
            self.mask_tokens = nn.Embedding(tokens, 6)
            self.output_hypernetworks_mlps = nn.ModuleList(nn.Linear(6, 2) for _ in range(tokens))
            if tokens > 1:
                self.iou_token = nn.Embedding(1, 6)

    sam, ours = nn.Module(), nn.Module()
    sam.mask_decoder, ours.mask_decoder = Decoder(4), nn.Module()
    ours.mask_decoder.decoder = Decoder(1)
    torch.save(sam.state_dict(), tmp_path / "sam.pth")
    source = f"first_mask:{tmp_path / 'sam.pth'}#mask_decoder"
    found = load_parts(ours, {"mask_decoder.decoder": source}, tmp_path)
    assert list(found) == [str(tmp_path / "sam.pth")]
    tokens = sam.mask_decoder.mask_tokens.weight
    torch.testing.assert_close(ours.mask_decoder.decoder.mask_tokens.weight, tokens[:1])
    with pytest.raises(WeightsError, match="expected a SAM mask decoder"):
        load_parts(ours, {"mask_decoder.decoder": f"first_mask:{tmp_path / 'sam.pth'}"}, tmp_path)


def test_check_sources_names_everything_that_is_missing_at_once(model, tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_OFFLINE", "1")
    save_weights(model, tmp_path / "stage" / "weights.safetensors", {})
    fine = {"neck": "stage#neck", "neck.bias": "stage#neck.bias", "": "stage"}
    check_sources(fine, tmp_path)
    wrong = {"a": "clip_rn#x", "b": "stage#nec", "c": "sam_vit_b#y", "d": str(tmp_path / "x.pth")}
    with pytest.raises(WeightsError) as error:
        check_sources({**fine, **wrong}, tmp_path)
    for piece in (
        "configs/mini/clip_rn.py", "nothing below 'nec' for 'b'", "offline", "sam_vit_b_01ec64.pth",
        "no weights at", "x.pth",
    ):  # fmt: skip
        assert piece in str(error.value)
    (tmp_path / "stage" / "weights.safetensors").write_bytes(b"short")
    with pytest.raises(WeightsError, match="broken or truncated"):
        check_sources(fine, tmp_path)


@pytest.mark.parametrize(
    ("source", "root", "pieces"),
    [
        ("escnet", "work_dirs/mini", ["configs/mini/escnet.py --work-dir work_dirs/mini/escnet` first"]),
        ("sam_vit", "here", ["configs/mini/sam_vit.py", "weights_root=work_dirs/sweep/seed_3, which"]),
        ("clip_rn50x5", "here", ["called 'clip_rn50x5'", "did you mean clip_rn50x"]),
        ("nothing", "here", ["tools/convert_weights.py; no config", "released: sam_vit_h, "]),
    ],
)
def test_missing_weights_name_what_makes_them(source, root, pieces, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_weights(model, tmp_path / "work_dirs/sweep/seed_3/sam_vit/weights.safetensors", {})
    with pytest.raises(WeightsError) as error:
        check_sources({"": source}, root)
    for piece in ["no weights at", *pieces]:
        assert piece in str(error.value)
    assert "_base_" not in str(error.value)


def test_offline_and_not_in_the_cache_is_said_by_loading_too(model, tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_OFFLINE", "1")
    with pytest.raises(DownloadError, match="offline"):
        load_parts(model, {"neck": "sam_vit_b#neck"}, tmp_path)


def test_local_file_with_a_released_name_must_be_it(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "sam_vit_b_01ec64.pth")
    with pytest.raises(WeightsError, match=f"expected {RELEASED['sam_vit_b'].sha256}.*truncated"):
        load_parts(model, {"": str(tmp_path / "sam_vit_b_01ec64.pth")}, tmp_path)


@pytest.mark.parametrize("kept", [0, 10, 2000])
def test_truncated_checkpoint_says_so(model, tmp_path, kept):
    torch.save(model.state_dict(), tmp_path / "whole.pth")
    (tmp_path / "short.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:kept])
    with pytest.raises(
        WeightsError, match=r"short\.pth cannot be read safely: it is (truncated|damaged)"
    ):
        load_parts(model, {"": str(tmp_path / "short.pth")}, tmp_path)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda t: {f"module.{n}": v for n, v in t.items()}, "a wrapper's 'module.'"),
        (lambda t: {n: v for n, v in t.items() if n.startswith("neck")}, "only some parts"),
        (lambda t: {n: v[..., :1] for n, v in t.items()}, "the names agree, the sizes do not"),
        (
            lambda t: {**t, "mask_decoder.label_mlp.layers.0.weight": torch.zeros(1)},
            "label MLP of the class-token variants",
        ),
        (lambda t: {**t, "other": torch.zeros(1)}, "the config may differ"),
    ],
)
def test_likely_cause_of_a_mismatch(model, change, cause):
    with pytest.raises(WeightsError, match=cause):
        load_strict(model, change(dict(model.state_dict())))


def test_names_of_a_wrapper_can_be_left_out(model, tmp_path):
    torch.save({f"module.{n}": t for n, t in model.state_dict().items()}, tmp_path / "ddp.pth")
    other = Whole()
    load_parts(other, {"": f"{tmp_path / 'ddp.pth'}#module"}, tmp_path)
    torch.testing.assert_close(other.head.weight, model.head.weight)
