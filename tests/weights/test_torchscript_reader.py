"""TorchScript archives: OpenAI's CLIP files are read without running what they hold."""

import io
import pickle
import warnings
import zipfile

import pytest
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from torch import nn

from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.weights import WeightsError, load_parts, read_tensors
from ovsam.weights.torchscript_reader import is_torchscript, read_torchscript


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.layers = nn.ModuleList([nn.Linear(3, 2).half(), nn.Linear(2, 4)])
        self.layers[1].weight = nn.Parameter(torch.randn(2, 4).t())  # not contiguous
        self.shared = self.layers[1]
        self.register_buffer("input_resolution", torch.tensor(7))
        self.register_buffer("empty", torch.zeros(0, 3))
        self.number = 5

    def forward(self, x):
        return self.layers[1](self.layers[0](self.norm(x).mean(dim=(2, 3)).half()).float())


def save_script(module, path, *inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # saving archives is deprecated, OpenAI's files remain
        torch.jit.save(torch.jit.trace(module.eval(), inputs, check_trace=False), path)


def test_tensors_equal_those_that_torch_reads(tmp_path):
    module = Small()
    save_script(module, tmp_path / "small.pt", torch.randn(2, 3, 4, 5))
    assert is_torchscript(tmp_path / "small.pt")
    found, expected = read_torchscript(tmp_path / "small.pt"), module.state_dict()
    assert expected.keys() <= found.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


def test_plain_checkpoints_are_no_archives(tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "plain.pth")
    (tmp_path / "text.pt").write_text("constants.pkl")
    assert not is_torchscript(tmp_path / "plain.pth")
    assert not is_torchscript(tmp_path / "text.pt")


def archive(path, tree):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/constants.pkl", b"")
        file.writestr("a/data.pkl", tree)
        file.writestr("a/data/0", bytes(8))


class Attack:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return print, (self.target,)


def test_code_is_refused_and_not_run(tmp_path, capsys):
    archive(tmp_path / "bad.pt", pickle.dumps(Attack("was run"), protocol=2))
    with pytest.raises(WeightsError, match=r"cannot be read safely.*print, which is not allowed"):
        read_tensors(tmp_path / "bad.pt")
    assert "was run" not in capsys.readouterr().out


def test_tensors_outside_their_storage_are_refused(tmp_path):
    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "0", "cpu", 2) if value == "its" else None

    class Outside:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, ("its", 1, (2,), (1,), False, {})

    stream = io.BytesIO()
    Pickler(stream, protocol=2).dump(Outside())
    archive(tmp_path / "bad.pt", stream.getvalue())
    with pytest.raises(WeightsError, match="outside its storage"):
        read_tensors(tmp_path / "bad.pt")


class UntracedClip(CLIP):
    """An archive holds all attributes, whatever its code is; tracing the towers takes long."""

    def forward(self, x):
        return x + 0


@torch.no_grad()
def test_clip_archive_gives_the_same_vectors(tmp_path):
    """As OpenAI's files: TorchScript, weights in half precision, sizes among the tensors."""
    torch.manual_seed(3)
    clip = UntracedClip(
        embed_dim=64,
        vision_cfg=CLIPVisionCfg(layers=(1, 2, 2, 1), width=20, head_width=64, image_size=64),
        text_cfg=CLIPTextCfg(context_length=32, vocab_size=2048, width=64, heads=4, layers=2),
    ).eval()
    for name, parameter in clip.named_parameters():
        if name.endswith("conv1.weight") or ".mlp." in name:
            parameter.data = parameter.half()
    clip.register_buffer("input_resolution", torch.tensor(64))
    images, tokens = torch.randn(2, 3, 64, 64), torch.randint(1, 2047, (2, 32))
    tokens[:, 5] = 2047
    save_script(clip, tmp_path / "clip.pt", images)
    clip.float()
    model = nn.Module()
    model.backbone = ClipImageEncoder(architecture="shapes-rn").eval()
    model.text = ClipTextEncoder(architecture="shapes-rn").eval()
    source = str(tmp_path / "clip.pt")
    load_parts(
        model, {"backbone": f"{source}#image_encoder", "text": f"{source}#text_encoder"}, tmp_path
    )
    torch.testing.assert_close(model.backbone.embed_crops(images), clip.encode_image(images))
    torch.testing.assert_close(model.text(tokens), clip.encode_text(tokens))
