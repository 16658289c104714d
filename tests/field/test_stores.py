"""Archives, caches and results that were changed: each test is a row of docs/files.md."""

import ast
import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import ovsam
from ovsam.datasets.feature_store import FeatureStore, FeatureStoreError, FeatureWriter
from ovsam.datasets.preparation.ade import read_object_names
from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.tree import DataTreeError
from ovsam.evaluation.comparison import read_instances
from ovsam.files import read_json, read_text
from ovsam.inference.predictor import Predictor
from ovsam.models.text import embedding_cache
from tests.field.page import row
from tests.field.test_commands import Attack


@pytest.fixture
def attack(tmp_path):
    """A pickle that would write a file, which must not be there in the end."""
    target = tmp_path / "was_run"
    yield pickle.dumps(Attack(open, str(target), "w"))
    assert not target.exists()


def tar(path, *members):
    with tarfile.open(path, "w") as archive:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = 5 if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(b"12345"))
    return path


@row("Attacks", "SA-1B: a tar file with absolute names or `..`, links or devices", "refused",
     "and nothing of a tar file is ever unpacked to the disk")  # fmt: skip
@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("/sa_2.jpg", tarfile.REGTYPE, "a name outside of the archive"),
        ("a/../../sa_2.jpg", tarfile.REGTYPE, "a name outside of the archive"),
        ("../other.txt", tarfile.REGTYPE, "a name outside of the archive"),
        ("sa_2.jpg", tarfile.SYMTYPE, "a link, a device"),
        ("sa_2.json", tarfile.LNKTYPE, "a link, a device"),
        ("sa_2.jpg", tarfile.CHRTYPE, "a link, a device"),
        ("sa_2.jpg", tarfile.FIFOTYPE, "a link, a device"),
    ],
)
def test_members_of_a_tar_file(tmp_path, name, kind, message):
    tar(tmp_path / "sa_0.tar", ("./sa_1.jpg", tarfile.REGTYPE), ("notes", tarfile.DIRTYPE))
    assert len(Sa1bDataset(data_root=str(tmp_path))) == 1
    tar(tmp_path / "sa_0.tar", ("sa_1.jpg", tarfile.REGTYPE), (name, kind))
    with pytest.raises(ValueError, match=rf"sa_0\.tar holds {message}.*; get it anew"):
        Sa1bDataset(data_root=str(tmp_path))


@row("Attacks", "SA-1B: a file of more than 1 GiB in a tar file", "refused", "before it is read")
def test_a_large_member_of_a_tar_file(tmp_path):
    header = tarfile.TarInfo("sa_1.jpg")
    header.size = (1 << 30) + 1
    with open(tmp_path / "sa_0.tar", "wb") as file:
        file.write(header.tobuf())
        file.truncate(2 * tarfile.BLOCKSIZE + (1 << 30) + 2 * tarfile.BLOCKSIZE)  # takes no space
    with pytest.raises(ValueError, match=r"holds a file of 1,073,741,825 bytes, allowed are 1,073,"):
        Sa1bDataset(data_root=str(tmp_path))


@row("Attacks", "a teacher's feature store with a pickle in the place of a shard or a list", "refused",
     "shards are plain numbers with a checksum, lists are JSON")  # fmt: skip
@pytest.mark.parametrize("name", ["store.json", "index.json", "shard-*.f16"])
def test_a_pickle_in_a_feature_store(tmp_path, attack, name):
    root = tmp_path / "store"
    with FeatureWriter(root=root, shape=(2, 3, 5), fingerprint={"teacher": "a"}) as writer:
        writer.add(1, torch.ones(2, 3, 5), pixels=4)
        assert writer.finish([1]) == 0
    assert FeatureStore(root=root).read(1, 4).shape == (2, 3, 5)
    [path] = root.glob(name)
    path.write_bytes(attack.ljust(60, b".")[:60] if name.startswith("shard") else attack)
    with pytest.raises(FeatureStoreError, match=r"damaged|broken"):
        FeatureStore(root=root).read(1, 4)


@row("Attacks", "a pickle in the place of kept class embeddings", "left out, counted",
     "the log says so; they are computed again")  # fmt: skip
def test_a_pickle_in_the_cache_of_embeddings(tmp_path, attack, monkeypatch):
    told = []
    monkeypatch.setattr(embedding_cache, "_say", lambda text, *_: told.append(text))
    (tmp_path / "a.safetensors").write_bytes(attack)
    assert embedding_cache._read(tmp_path / "a.safetensors") is None
    assert "a.safetensors is damaged" in told[0]


@row(
    "Attacks", "results of instances (`.npz`) that hold Python objects", "refused", "no pickle in arrays"
)
def test_objects_in_results(tmp_path, attack):
    np.savez(tmp_path / "a.npz", ious=np.array([Attack(open, str(tmp_path / "was_run"), "w")], object))
    with pytest.raises(ValueError, match=r"a\.npz holds no results of instances .*; test again"):
        read_instances(tmp_path / "a.npz")


@row("Attacks", "a saved model whose `config.json` names code that is no model of ours", "refused",
     "a saved model is data: its parts are looked up")  # fmt: skip
@pytest.mark.parametrize(
    "place", ["os:system", "builtins:eval", "ovsam.files:write_json", "mmengine:Config"]
)
def test_code_in_a_saved_model(tmp_path, attack, place):
    description = {"type": place, "command": f"touch {tmp_path / 'was_run'}"}
    (tmp_path / "config.json").write_text(json.dumps({"format": 1, "model": description}))
    torch.save({}, tmp_path / "weights.safetensors")
    with pytest.raises((ValueError, RuntimeError), match=r"does not know|expected a \.safetensors file"):
        Predictor.from_pretrained(tmp_path)
    save_file({"a": torch.zeros(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(
        ValueError, match=f"has a part '{place}' that this version of ovsam does not know"
    ):
        Predictor.from_pretrained(tmp_path)


@row("Attacks", "ADE20K's index (`.pkl`) that asks Python to run something", "refused",
     "arrays and plain values only")  # fmt: skip
def test_a_pickle_as_index_of_ade(tmp_path, attack):
    (tmp_path / "index.pkl").write_bytes(attack)
    with pytest.raises(DataTreeError, match=r"open is not allowed in an index.*download"):
        read_object_names(tmp_path / "index.pkl")


@row("Text", "a text file of more bytes than are allowed (16 GiB; a vocabulary 2 GiB)", "refused",
     "before it is read")  # fmt: skip
def test_large_text(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[1, 2]")
    assert read_text(path, max_bytes=6) == "[1, 2]"
    with pytest.raises(ValueError, match=r"a\.json has 6 bytes, allowed are 5: is it the right file"):
        read_text(path, max_bytes=5)
    with open(path, "wb") as file:
        file.truncate((16 << 30) + 1)  # takes no space
    with pytest.raises(
        ValueError, match=r"a\.json has 17,179,869,185 bytes, allowed are 17,179,869,184"
    ):
        read_json(path, missing="", damaged="")


#: Calls that may run what a file says, and the modules whose own readers allow names one by one.
UNSAFE = ("pickle.load", "pickle.loads", "pickle.Unpickler", "yaml.load", "joblib.load", "shelve.open")
WORDS = ("torch.load", "np.load", "pickle", "yaml", "joblib", "shelve", "extractall", "unpack_archive")
OWN_READERS = (
    "weights/checkpoint_reader.py",
    "weights/torchscript_reader.py",
    "datasets/preparation/ade.py",
)


def test_nothing_else_reads_pickles_or_unpacks_archives():
    package, found = Path(ovsam.__file__).parent, []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package).as_posix()
        text = path.read_text()
        if not any(word in text for word in WORDS):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            name, given = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
            is_safe = {
                "torch.load": given.get("weights_only") == "True",
                "np.load": given.get("allow_pickle") == "False",
            }.get(name, name not in UNSAFE and not name.endswith((".extractall", ".unpack_archive")))
            if not is_safe and place not in OWN_READERS:
                found.append(f"{place}:{node.lineno} {name}")
    assert found == []
