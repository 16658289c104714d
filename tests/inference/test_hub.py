import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ovsam.benchmark.records import Record
from ovsam.files import sha256_of
from ovsam.inference import hub
from ovsam.inference.model_description import build_described, describe
from ovsam.inference.predictor import Predictor
from ovsam.weights import WeightsError, read_metadata, save_weights
from tests.released import bring, use_folder

PICTURE = np.random.default_rng(0).integers(0, 255, (70, 90, 3), dtype=np.uint8)
METADATA = {"config": "mini/ovsam_rn", "seed": "3", "commit": "abc", "dirty": "false", "options": "{}"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder as training leaves it, and the predictor of its weights."""
    torch.manual_seed(7)
    predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    root = tmp_path_factory.mktemp("work")
    folder = root / "seed_0" / "ovsam_rn"
    save_weights(predictor.model, folder / "weights.safetensors", METADATA)
    return root, folder, predictor


def answer(predictor, **arguments):
    predictor.set_image(PICTURE)
    return predictor.predict(points=[30, 40], **arguments)


def assert_same(one, other):
    np.testing.assert_array_equal(one.masks, other.masks)
    assert one.top == other.top


def test_ways_to_name_the_same_weights(trained):
    root, folder, predictor = trained
    expected = answer(predictor)
    for source, options in [
        (folder, {}),
        (folder / "weights.safetensors", {}),
        ("mini/ovsam_rn", {"weights_root": root / "seed_0"}),
        ("mini/ovsam_rn", {"weights": folder / "weights.safetensors"}),
        ("quickstart", {"weights_root": root}),
    ]:
        found = Predictor.from_pretrained(source, device="cpu", **options)
        assert_same(answer(found), expected)
        assert found.origin.config == "mini/ovsam_rn"
        assert found.origin.metadata["seed"] == "3"


def test_saved_folder_loads_alone_and_says_where_it_comes_from(trained, tmp_path):
    _, folder, predictor = trained
    loaded = Predictor.from_pretrained(folder, device="cpu")
    saved = loaded.save_pretrained(tmp_path / "model", licence="MIT", data="drawn <pictures>")
    again = Predictor.from_pretrained(saved, device="cpu")
    assert_same(answer(again), answer(predictor))
    assert_same(answer(again, vocabulary=["cat", "dog"]), answer(predictor, vocabulary=["cat", "dog"]))
    assert again.origin.licence == "MIT"
    card = (saved / "README.md").read_text()
    assert "license: mit" in card
    assert "drawn <pictures>" in card
    assert "red circle" in card
    assert "commit: `abc`" in card
    assert str(folder) not in card + (saved / "config.json").read_text()
    metadata = read_metadata(saved / "weights.safetensors")
    assert metadata["licence"] == "MIT"
    assert metadata["config"] == "mini/ovsam_rn"
    # a licence of one's own takes none away that binds the weights
    both = read_metadata(
        again.save_pretrained(tmp_path / "both", licence="CC-BY-4.0") / "weights.safetensors"
    )
    assert both["licence"] == "CC-BY-4.0; MIT"
    # and once more: a saved folder can be saved again
    assert len(set(again.origin.weights.values())) == 2  # of the saved file and of the one before it
    third = again.save_pretrained(tmp_path / "third")
    assert (
        load_file(third / "weights.safetensors").keys()
        == load_file(saved / "weights.safetensors").keys()
    )


def test_the_package_brings_a_model(trained, tmp_path, monkeypatch):
    predictor = trained[2]
    use_folder(monkeypatch, tmp_path / "small")
    with pytest.raises(WeightsError, match="shapes_ovsam: this package was built without its weights"):
        hub.load("shapes_ovsam")
    path = bring("shapes_ovsam", predictor.model.state_dict(), seed="3")
    with pytest.raises(ValueError, match=r"its own weights: name the config mini/ovsam_rn"):
        hub.load("shapes_ovsam", weights=path)
    found = Predictor.from_pretrained("shapes_ovsam", device="cpu")
    assert next(found.model.parameters()).dtype == torch.float32
    assert_same(answer(found), answer(Predictor.from_pretrained(path, device="cpu")))
    assert found.origin.config == "mini/ovsam_rn"
    assert found.origin.weights == {"shapes_ovsam": sha256_of(path)}
    assert found.origin.licence == "Apache-2.0"
    assert found.origin.limits == "these weights know drawn shapes only"
    again = Predictor.from_pretrained(found.save_pretrained(tmp_path / "saved"), device="cpu")
    assert_same(answer(again), answer(found))
    assert again.origin.limits == found.origin.limits


def test_what_weights_cannot_do_is_said_of_trained_ones_of_shapes_only(trained):
    _, folder, predictor = trained
    assert Predictor.from_pretrained(folder, device="cpu").origin.limits
    assert not predictor.origin.limits  # random weights know nothing
    photographs = Predictor.from_pretrained("mini/ovsam_photographs", weights="none", device="cpu")
    assert not photographs.origin.limits


def test_a_saved_model_of_another_world_is_refused(trained, tmp_path):
    saved = Predictor.from_pretrained(trained[1], device="cpu").save_pretrained(tmp_path / "m")
    weights = saved / "weights.safetensors"
    save_weights(load_file(weights), weights, {**read_metadata(weights), "shapes_world": "1"})
    with pytest.raises(WeightsError, match="knows world 1 of `shapes`"):
        hub.load(saved)


def test_card_has_the_numbers_of_these_weights_only(trained, tmp_path):
    _, folder, _ = trained
    loaded = Predictor.from_pretrained(folder, device="cpu")
    record = make_record(next(iter(loaded.origin.weights.values())))
    other = make_record("0" * 64)
    path, wrong = tmp_path / "record_a.json", tmp_path / "record_b.json"
    path.write_text(json.dumps(record.to_dict()))
    wrong.write_text(json.dumps(other.to_dict()))
    saved = loaded.save_pretrained(tmp_path / "model", records=[path])
    card = (saved / "README.md").read_text()
    assert "| shapes test | box | 12.5 | 50.0 | 34.0 |" in card
    assert "seed 3, commit `" in card
    with pytest.raises(ValueError, match="other weights"):
        loaded.save_pretrained(tmp_path / "model", records=[wrong])


def make_record(digest):
    return Record.of_run(
        config="mini/ovsam_rn", config_digest="1" * 64, method="m", seed=3, prompts="box",
        dataset="shapes test", data_sha256="2" * 64, weights={"w": digest}, complexity=None,
        metrics={"iou": 50.0, "accuracy": 12.5, "iou_base": 34.0}, started="2026-01-01", seconds=1.0,
    )  # fmt: skip


def test_description_is_data_and_runs_nothing_of_a_stranger(trained):
    predictor = trained[2]
    description = json.loads(json.dumps(predictor.origin.description))
    model = build_described(description)
    model.load_state_dict(predictor.model.state_dict())
    for stranger in ("os:system", "ovsam.models.freezing:freeze", "ovsam.cli:main", "builtins:eval", 5):
        bad = json.loads(json.dumps(description))
        bad["neck"]["type"] = stranger
        with pytest.raises(ValueError, match="does not know"):
            build_described(bad)
    with pytest.raises(ValueError, match="plain values"):
        describe({"type": print})
    wrong = json.loads(json.dumps(description))
    wrong["neck"]["no_such_argument"] = 1
    with pytest.raises(ValueError, match="does not fit this version"):
        build_described(wrong)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mini/no_such", "no config"),
        ("nobody/no_such_model", "offline and not in the cache"),
        ("quickstart", "make quickstart"),
    ],
)
def test_unknown_names(source, message, tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Predictor.from_pretrained(source, weights_root=tmp_path)


def test_broken_folders(trained, tmp_path):
    _, folder, _ = trained
    with pytest.raises(FileNotFoundError, match=r"holds no weights\.safetensors"):
        hub.load(tmp_path)
    saved = Predictor.from_pretrained(folder, device="cpu").save_pretrained(tmp_path / "m")
    whole = (saved / "config.json").read_text()
    for content in ("{", '{"format": 1}', "[]"):
        (saved / "config.json").write_text(content)
        with pytest.raises(ValueError, match="is broken"):
            hub.load(saved)
    (saved / "config.json").write_text(whole.replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match="format 99"):
        hub.load(saved)
    anonymous = tmp_path / "x.safetensors"
    save_weights({"a": torch.zeros(1)}, anonymous, {})
    with pytest.raises(ValueError, match="does not name its config"):
        hub.load(anonymous)


def test_push_uploads_the_saved_folder(trained, monkeypatch):
    seen = {}

    class Api:
        def create_repo(self, repo_id, private, exist_ok):
            seen["repo"] = (repo_id, private, exist_ok)

        def upload_folder(self, repo_id, folder_path):
            seen["files"] = sorted(p.name for p in Path(folder_path).iterdir())
            return "https://hub/commit"

    monkeypatch.setattr(hub, "HfApi", Api)
    monkeypatch.delenv("OVSAM_OFFLINE", raising=False)
    loaded = Predictor.from_pretrained(trained[1], device="cpu")
    with pytest.raises(ValueError, match="licence of these weights is not stated"):
        loaded.push_to_hub("me/model")
    assert loaded.push_to_hub("me/model", licence="MIT") == "https://hub/commit"
    assert seen["repo"] == ("me/model", True, True)
    assert seen["files"] == ["README.md", "config.json", "weights.safetensors"]
    with pytest.raises(ValueError, match="owner/name"):
        loaded.push_to_hub("model", licence="MIT")


def test_hub_folder_is_loaded_like_a_saved_one(trained, tmp_path, monkeypatch):
    loaded = Predictor.from_pretrained(trained[1], device="cpu")
    saved = loaded.save_pretrained(tmp_path / "m")

    def download(repo_id, *, allow_patterns, **_):
        target = tmp_path / "cache"
        shutil.copytree(saved, target)
        assert set(allow_patterns) == {"config.json", "weights.safetensors", "README.md"}
        return str(target)

    monkeypatch.setattr(hub, "snapshot_download", download)
    assert_same(answer(Predictor.from_pretrained("me/model", device="cpu")), answer(trained[2]))


@pytest.mark.parametrize("source", ["", " ", "."])
def test_no_name_is_no_model(source):
    with pytest.raises(ValueError, match="no model given"):
        hub.load(source)


def test_an_unknown_model_is_told_shortly():
    with pytest.raises(FileNotFoundError, match=r"no config 'unheard of'.*it has .*mini/") as caught:
        hub.load("unheard of")
    assert len(str(caught.value)) < 300
