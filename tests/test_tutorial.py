"""The commands of configs/custom/README.md on real annotations, with class names of one's own."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch

from ovsam.cli import find_config, main
from ovsam.datasets.coco_index import with_categories_of
from ovsam.datasets.vocabularies import class_list
from ovsam.engine.configuration import load_config
from ovsam.inference.hub import load
from ovsam.registry import build_model
from ovsam.weights import save_weights

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch, shared):
    """A folder as a newcomer has it after `make quickstart`, with coco_mini as own data."""
    monkeypatch.chdir(tmp_path)
    source = shared / "data" / "coco_mini"
    (tmp_path / "data" / "my_objects" / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        file = source / "annotations" / f"instances_{split}2017.json"
        (tmp_path / "data" / "my_objects" / "annotations" / f"{split}.json").symlink_to(file)
    return source


def own_config(base, novel, pictures):
    """The tutorial's config with other names: what a newcomer edits."""
    text = (REPOSITORY / "configs" / "custom" / "my_objects.py").read_text()
    names = f"base={base!r}, novel={novel!r}"
    text, changed = re.subn(r'base=\["cat", "dog"\], novel=\["horse"\]', names, text)
    assert changed == 1
    for split, folder in pictures.items():
        old = f'ann_file="annotations/{split}.json",\n    data_prefix=dict(img="images")'
        assert text.count(old) == 1
        text = text.replace(old, old.replace('"images"', repr(folder)))
    return text


def commands_of_readme():
    """(command, its arguments) of the first tutorial in configs/custom/README.md, in order."""
    text = (REPOSITORY / "configs" / "custom" / "README.md").read_text()
    lines = re.findall(r"^   python tools/(\w+)\.py (.*)$", text, re.MULTILINE)
    return [(name, shlex.split(arguments)) for name, arguments in lines]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_own_data_to_a_trained_model(project, tmp_path, capsys):
    folders, source = {}, project
    for split in ("train", "val"):
        names = json.loads((source / "annotations" / f"instances_{split}2017.json").read_text())
        found = next(source.rglob(names["images"][0]["file_name"]))
        folders[split] = str(found.parent)
    text = own_config(["person", "chair", "car"], ["dog"], folders)
    config = tmp_path / "configs" / "custom" / "pets.py"
    config.parent.mkdir(parents=True)
    for name in ("_base_", "mini"):
        (tmp_path / "configs" / name).symlink_to(REPOSITORY / "configs" / name)
    config.write_text(text)
    # In the place of `make quickstart`: random weights where it leaves trained ones.
    model, _ = load("mini/ovsam_rn", weights="none")
    folder = tmp_path / "work_dirs" / "quickstart" / "seed_0"
    (folder / "ovsam_rn").mkdir(parents=True)
    facts = {"config": "mini/ovsam_rn", "seed": "0"}
    save_weights(model, folder / "ovsam_rn" / "weights.safetensors", facts)

    trained = ["--cfg-options", "train_cfg.max_epochs=1", "param_scheduler.1.T_max=1"]
    more = {
        "train": [*trained, "train_dataloader.dataset.indices=16"],
        "predict": ["--out", str(tmp_path / "out")],
    }
    places = {"configs/custom/my_objects.py": str(config), "photo.jpg": str(found)}
    commands = commands_of_readme()
    assert [name for name, _ in commands] == ["train", "test", "predict", "demo"]
    for name, arguments in commands[:-1]:  # the page serves until somebody ends it: tests/demo
        given = [places.get(argument, argument) for argument in arguments]
        assert main([name, *given, *more.get(name, [])]) == 0
    assert (folder / "pets" / "weights.safetensors").is_file()
    record = json.loads(next((folder / "pets").glob("record_test_box.json")).read_text())
    assert record["dataset"] == "my_objects test"
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])["objects"][0]
    assert {name for name, _ in answer["top"]} == {"person", "chair", "car", "dog"}


def test_full_size_takes_the_names_and_files_of_the_miniature():
    small, full = (load_config(find_config(f"custom/{n}")) for n in ("my_objects", "my_objects_rn50x16"))
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        for key in ("data_root", "ann_file", "data_prefix", "vocabulary"):
            assert full[loader]["dataset"][key] == small[loader]["dataset"][key]
    assert full.train_dataloader.dataset.keep == "base"
    assert full.initial_weights == {"": "released_coco"}
    with torch.device("meta"):
        model = build_model(full.model)
    assert list(model.classifier.vocabulary.names) == ["cat", "dog", "horse"]
    assert model.classifier.vocabulary.novel == {2}
    assert model.train_vocabulary == "base"
    assert model.data_preprocessor.size == 1024


def test_names_are_found_among_the_categories(tmp_path):
    path = tmp_path / "a.json"
    rows = [{"id": 7, "name": "dog"}, {"id": 3, "name": "bus"}, {"id": 9, "name": "cat"}]
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": rows}))
    own = class_list(name="pets", base=["cat"], novel=["dog"])
    found = with_categories_of(own, path)
    assert found.label_of_category == {9: 0, 7: 1, 3: 2}
    assert found.evaluated == {0, 1}
    with pytest.raises(ValueError, match="no category 'cta'; it has cat"):
        with_categories_of(class_list(name="pets", base=["cta"]), path)
    path.write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(ValueError, match="no list `categories`"):
        with_categories_of(own, path)
    with pytest.raises(ValueError, match="lists of names"):
        class_list(name="pets", base="cat")
