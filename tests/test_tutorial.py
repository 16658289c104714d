"""The commands of configs/custom/README.md on real annotations, with class names of one's own."""

import json
import re
from pathlib import Path

import pytest

from ovsam.cli import main
from ovsam.datasets.coco_index import with_categories_of
from ovsam.datasets.vocabularies import class_list
from ovsam.hub import load
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

    short = ["--cfg-options", "train_cfg.max_epochs=1", "param_scheduler.1.T_max=1"]
    assert main(["train", str(config), *short, "train_dataloader.dataset.indices=16"]) == 0
    assert (folder / "pets" / "weights.safetensors").is_file()
    assert main(["test", str(config)]) == 0
    record = json.loads(next((folder / "pets").glob("record_test_box.json")).read_text())
    assert record["dataset"] == "my_objects test"
    capsys.readouterr()
    box = ["--box", "10", "20", "200", "180"]
    command = ["predict", str(found), *box, "--model", str(config), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    [answer] = json.loads(capsys.readouterr().out)["objects"]
    assert {name for name, _ in answer["top"]} == {"person", "chair", "car", "dog"}


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
