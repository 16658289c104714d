"""`ovsam embed_vocabulary` fills the cache that a run then reads."""

import pytest
from mmengine.config import Config

from ovsam.cli import configs_folder, main
from ovsam.models.text import embedding_cache
from ovsam.models.text.embeddings_file import read_embeddings
from ovsam.registry import build_model
from ovsam.weights import load_parts, save_weights


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "cache"))
    config = Config.fromfile(str(configs_folder() / "mini" / "ovsam_rn.py"))
    classifier = build_model(config.model.classifier)
    load_parts(classifier, {"text_encoder": "shapes_clip_rn#text_encoder"}, tmp_path)
    return tmp_path, classifier


def embed(root, *more):
    options = ("--device", "cpu", "--cfg-options", f"weights_root={root}")
    return main(["embed_vocabulary", "mini/ovsam_rn", *more, *options])


def test_a_run_finds_what_was_made_ahead(stage, monkeypatch, capsys):
    root, classifier = stage
    monkeypatch.setattr(embedding_cache, "WORTH_KEEPING", 0)
    assert embed(root) == 0
    assert "shapes: 80 classes, up to 1 synonyms, width 64; /" in capsys.readouterr().out
    [file] = (root / "cache" / "class_embeddings").glob("[!.]*")
    monkeypatch.setattr(embedding_cache, "embed_strings", lambda *_: pytest.fail("made again"))
    assert classifier.embeddings.shape == (80, 1, 64)
    assert embed(root) == 0
    assert str(file) in capsys.readouterr().out


def test_what_is_made_in_no_time_is_not_kept(stage, capsys):
    root, _ = stage
    assert embed(root) == 0
    assert "not kept" in capsys.readouterr().out


def test_weights_of_the_whole_model_can_be_given(stage, monkeypatch, capsys):
    root, classifier = stage
    monkeypatch.setattr(embedding_cache, "WORTH_KEEPING", 0)
    path = root / "whole.safetensors"
    save_weights({f"classifier.{n}": t for n, t in classifier.state_dict().items()}, path, {})
    assert embed(root) == 0
    assert embed(root, "--weights", str(path)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_missing_weights_and_missing_encoders(stage, tmp_path, capsys):
    assert embed(tmp_path, "--weights", str(tmp_path / "nowhere.pth")) == 2
    assert "no weights at" in capsys.readouterr().err
    assert main(["embed_vocabulary", "parity/ovsam_rn50_256"]) == 2
    assert "no classifier with a text encoder" in capsys.readouterr().err


def test_names_are_written_and_read_back(stage, capsys):
    root, classifier = stage
    (root / "names.txt").write_text("red circle\n\n# remark\nblue bar, azure rod\n")
    for given, config in (("names.txt", ()), ("names.txt", ("--config", "mini/ovsam_rn"))):
        file = root / f"{len(config)}.safetensors"
        names = ("embed_vocabulary", str(root / given), "--output", str(file), "--device", "cpu")
        assert main([*names, *config]) == 0
        assert "names: 2 classes, up to 2 synonyms, width 64" in capsys.readouterr().out
        stored = read_embeddings(file)
        assert stored.classes == (("red circle",), ("blue bar, azure rod",))
        stored.check_classifier(classifier)
        assert len(stored.bank.strings) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["cat", "dog", "Cat"], "1 names are empty or occur twice: Cat"),
        (["cat", " ", "dog"], "1 names are empty or occur twice: an empty one"),
        (["imagenet2k"], "neither a known list"),
        (["gone.json"], "gone.json does not exist"),
        (["cat", "dog", "--config", "mini/ovsam_rn", "--model", "x"], "--config or --model"),
        (["cat", "--output", "a.npz"], "written as .safetensors"),
    ],
)
def test_bad_names_write_nothing(given, message, tmp_path, capsys):
    output = [] if "--output" in given else ["--output", str(tmp_path / "a.safetensors")]
    assert main(["embed_vocabulary", *given, *output, "--device", "cpu"]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_several_names_need_a_file_to_write(capsys):
    assert main(["embed_vocabulary", "cat", "dog"]) == 2
    assert "names need --output FILE" in capsys.readouterr().err
