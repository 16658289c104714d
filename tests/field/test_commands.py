"""Every command that takes weights refuses a file that was made to run code: rows of docs/files.md."""

import contextlib
import io
import json
import os
import zipfile
from argparse import ArgumentParser
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ovsam import cli
from ovsam.commands import cache_teacher, export, test, train
from ovsam.detectors import mmdet_detector, torchvision_detector
from ovsam.engine.checkpoints import CHECKSUM, read_training
from ovsam.files import sha256_of
from ovsam.weights import WeightsError, read_tensors
from tests.datasets.conftest import content
from tests.field.page import row
from tests.reliability.tiny import Setup, TinyRunner, config_of

#: Command -> how a test calls it; {pth} and {root} are the file, and a folder of trained stages of it.
CALLS = {
    "train": "train mini/sam2clip_rn --work-dir {out} --cfg-options initial_weights.backbone={pth}",
    "train, a stage": "train mini/ovsam_rn --work-dir {out} --cfg-options weights_root={root}",
    "test": "test mini/ovsam_rn {pth} --work-dir {out} --no-complexity",
    "test, semantic": "test mini/catseg {pth} --work-dir {out}",
    "predict": "predict {picture} --model mini/ovsam_rn --weights {pth} --box 1 1 9 9 --out {out}",
    "predict, semantic": "predict {picture} --semantic --model mini/catseg --weights {pth} --out {out}",
    "predict, a file": "predict {picture} --model {tensors} --box 1 1 9 9 --out {out}",
    "predict, a saved model": "predict {picture} --model {root}/saved --box 1 1 9 9 --out {out}",
    "predict, weights root": "predict {picture} --weights-root {root} --box 1 1 9 9 --out {out}",
    "demo": "demo --model mini/ovsam_rn --weights {pth}",
    "demo, semantic": "demo --semantic-model mini/catseg --semantic-weights {pth}",
    "export": "export --model mini/ovsam_rn --weights {pth} --out {out}",
    "convert_weights": "convert_weights {pth} --config mini/ovsam_rn --output {out}/a.safetensors",
    "convert_weights, ema": "convert_weights ema:{pth} --config mini/ovsam_rn"
    " --output {out}/a.safetensors",
    "release_weights": "release_weights {tensors} shapes_clip_rn",
    "embed_vocabulary": "embed_vocabulary mini/ovsam_rn --weights {pth}",
    "cache_teacher": "cache_teacher mini/sam2clip_rn_cached --cfg-options cached_teacher.weights={pth}",
    "detect": "detect mini/ovsam_rn torchvision:any --weights {pth} --output {out}/boxes.json"
    " --cfg-options test_dataloader.dataset.data_root={root}",
    "detect, mmdet": "detect mini/ovsam_rn mmdet:{root}/config.py --weights {pth} --output {out}/b.json"
    " --cfg-options test_dataloader.dataset.data_root={root}",
    "measure_everything": "measure_everything --model mini/ovsam_rn --weights {pth} --images 1",
    "measure_label_maps": "measure_label_maps mini/catseg --weights-root {root} --images 1",
    "measure_names": "measure_names --weights {pth} --pictures 1",
}
#: Commands that hand weights to others in processes of their own.
STARTERS = ("quickstart", "sweep")


class Attack:
    """Unpickling it writes a file."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.fixture
def target(tmp_path):
    """What the file would write; it must not be there in the end."""
    path = tmp_path / "was_run"
    yield path
    assert not path.exists()


@pytest.fixture
def places(tmp_path, target):
    """The malicious file, under all names that a command looks for."""
    attack = {"state_dict": {"a": torch.zeros(2)}, "ema": {}, "x": Attack(open, str(target), "w")}
    root = tmp_path / "root"
    stages = ("saved", "catseg", "sam2clip_rn", "seed_0/ovsam_rn")
    for name in ("a.pth", "a.safetensors", *(f"{stage}/weights.safetensors" for stage in stages)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        torch.save(attack, root / name)
    (root / "saved" / "config.json").write_text('{"format": 1, "model": {}}')
    (root / "config.py").touch()
    Image.new("RGB", (20, 20)).save(root / "a.png")
    annotations = content() | {"categories": [{"id": 7, "name": "red heart"}]}
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_test.json").write_text(json.dumps(annotations))
    (root / "images" / "test").mkdir(parents=True)
    names = dict(pth="a.pth", tensors="a.safetensors", root="", picture="a.png", out="out")
    return {key: root / name for key, name in names.items()}


@pytest.fixture
def without_data(monkeypatch):
    """Data, a server and other people's packages are not what is tested here."""
    for command in (train, test):
        monkeypatch.setattr(command, "check_data", lambda *_: None)
    monkeypatch.setattr(cache_teacher, "build_source", lambda config: [])
    monkeypatch.setattr(cache_teacher, "_refuse_randomness", lambda source: None)
    monkeypatch.setattr(torchvision_detector, "get_model", lambda *_, **__: torch.nn.Linear(2, 3))
    monkeypatch.setattr(torchvision_detector, "list_models", lambda **_: ["any"])
    released = SimpleNamespace(DEFAULT=SimpleNamespace(meta={"categories": ["a"]}))
    monkeypatch.setattr(torchvision_detector, "get_model_weights", lambda name: released)
    monkeypatch.setattr(torchvision_detector.detection, "any", lambda: None, raising=False)
    apis = SimpleNamespace(init_detector=lambda config, weights, device: torch.load(weights))
    monkeypatch.setattr(mmdet_detector, "_apis", lambda: apis)
    monkeypatch.setattr(export, "NEEDED", ())


@row("Attacks", "a file of weights that asks Python to write a file, given to any command", "refused",
     "not written; says what was expected and what mends it")  # fmt: skip
@pytest.mark.usefixtures("without_data")
@pytest.mark.parametrize("call", CALLS)
def test_every_command_refuses_a_malicious_file(call, places, capfd):
    assert cli.main([part.format(**places) for part in CALLS[call].split()]) == 2
    *_, error = capfd.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert "expected tensors" in error or "expected a .safetensors file" in error
    assert "ask its author" in error or "download or make it again" in error


def test_no_command_that_takes_weights_is_left_out():
    takes = set()
    for name in cli._commands():
        parser = ArgumentParser()
        import_module(f"ovsam.arguments.{name}").add_arguments(parser)
        places = {action.dest for action in parser._actions}
        if places & {"weights", "weights_root", "model", "source", "sources", "cfg_options"}:
            takes.add(name)
    assert takes == {call.partition(",")[0] for call in CALLS} | set(STARTERS)


@pytest.mark.slow
def test_a_sweep_hands_on_a_malicious_file_and_its_training_refuses_it(places, capfd):
    arguments = ["mini/ovsam_rn", "--root", places["out"], "--weights-root", places["root"]]
    assert cli.main(["sweep", *map(str, arguments)]) != 0
    assert "expected a .safetensors file" in "".join(p.read_text() for p in places["out"].rglob("*.log"))


@row("Attacks", "a checkpoint for `--resume` or `load_from` that asks Python to write a file", "refused",
     "also where a checksum beside it fits; weights_only always")  # fmt: skip
@pytest.mark.parametrize("is_resumed", [True, False])
def test_a_malicious_checkpoint_is_not_resumed_from(tmp_path, target, is_resumed):
    path = tmp_path / "epoch_1.pth"
    torch.save({"state_dict": {}, "meta": {}, "x": Attack(open, str(target), "w")}, path)
    path.with_name(path.name + CHECKSUM).write_text(f"{sha256_of(path)}  {path.name}\n")
    config = config_of(Setup(), tmp_path, resume=is_resumed, save_iters=0)
    if not is_resumed:
        config.load_from = str(path)
    with pytest.raises(WeightsError, match="expected a checkpoint that `ovsam train` saved; remove it"):
        TinyRunner.from_config(config).train()


CALLED = [
    (open, "w"), (io.FileIO, "w"), (os.mkdir,), (os.open, os.O_CREAT), (eval,), (exec,),
    (getattr, "write_text"), (np.save, [1]), (torch.save, [1]),
]  # fmt: skip


@row("Attacks", "any other function in a checkpoint or a file of weights", "refused",
     "or read with an inert object in its place; nothing is ever called")  # fmt: skip
@pytest.mark.parametrize("call", CALLED, ids=lambda call: call[0].__qualname__)
def test_nothing_is_called(tmp_path, target, call):
    function, *arguments = call
    text = f"open({str(target)!r}, 'w')" if function in (eval, exec) else str(target)
    attack = Attack(function, target if function is getattr else text, *arguments)
    for form in (dict(), dict(_use_new_zipfile_serialization=False)):
        torch.save({"state_dict": {"a": torch.zeros(2)}, "x": attack}, tmp_path / "a.pth", **form)
        with pytest.raises(WeightsError, match="cannot be read safely"):
            read_training(tmp_path / "a.pth")
        with contextlib.suppress(WeightsError):
            assert list(read_tensors(tmp_path / "a.pth")) == ["a"]


@row("Attacks", "an archive of weights that unpacks to many times its size", "refused",
     "before it is unpacked")  # fmt: skip
def test_an_archive_that_grows(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(10_000_000)}}, tmp_path / "stored.pth")
    assert read_tensors(tmp_path / "stored.pth")["a"].shape == (10_000_000,)
    with (
        zipfile.ZipFile(tmp_path / "stored.pth") as stored,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in stored.namelist():
            packed.writestr(member, stored.read(member))
    with pytest.raises(WeightsError, match=r"unpack to 40,.*which no checkpoint does: ask its author"):
        read_tensors(tmp_path / "packed.pth")
