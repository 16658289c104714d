"""`--sets`: what becomes of a config, records of several sets, files that are not as they must be."""

import json
import re

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from ovsam.benchmark import records
from ovsam.benchmark.records import config_digest
from ovsam.cli import main
from ovsam.commands.shared.label_map_sets import on_set, sets_of
from ovsam.datasets.label_maps import write_label_map
from ovsam.datasets.semseg_specs import EVALUATION_SETS, get_spec
from ovsam.registry import build_model

pytestmark = pytest.mark.seconds


@pytest.mark.parametrize("name", EVALUATION_SETS)
def test_config_of_a_set_is_the_trained_one_on_that_set(name):
    trained = Config.fromfile("configs/escnet/escnet_vitl14_cocostuff_80k.py")
    before = trained.to_dict()
    found, named = (
        on_set(trained, name).to_dict(),
        Config.fromfile(f"configs/escnet/eval_{name}.py").to_dict(),
    )
    for key in ("model", "test_dataloader"):
        digests = [config_digest(content[key]) for content in (found, named, before)]
        assert digests[0] == digests[1] != digests[2]
    assert named["test_weights"] == "escnet_vitl14_cocostuff_80k"
    assert named["dataset_name"] == get_spec(name).title
    assert trained.to_dict() == before
    assert build_model(found["model"]["vocabulary"]).names == get_spec(name).classes.names


def test_sets_are_for_configs_of_label_maps():
    with pytest.raises(
        ValueError, match=r"not tested on label maps: the set 'a150' is for configs such"
    ):
        on_set(Config.fromfile("configs/mini/ovsam_rn.py"), "a150")
    with pytest.raises(ValueError, match="unknown data set 'ade'"):
        on_set(Config.fromfile("configs/escnet/eval_a150.py"), "ade")


def test_all_sets_are_the_six_and_none_comes_twice():
    assert sets_of(["a150", "all"]) == ("a150", "a847", "pc459", "pc59", "pas20", "pas20b")
    assert sets_of(None) == ()


@pytest.fixture
def trees(tmp_path, monkeypatch):
    """Three sets of VOC with one picture of 30 x 40 px each, and `tiny.py`, a small CAT-Seg for them."""
    root = tmp_path / "data" / "VOCdevkit"
    for year in ("VOC2010", "VOC2012"):
        (root / year / "JPEGImages").mkdir(parents=True)
        cv2.imwrite(str(root / year / "JPEGImages" / "a.jpg"), np.full((30, 40, 3), 90, np.uint8))
    labels = np.arange(30 * 40).reshape(30, 40) % 20
    for name in ("pas20", "pas20b", "pc59"):
        write_label_map(root / get_spec(name).labels / "a.png", labels.astype(np.uint8))
    config = Config.fromfile("configs/catseg/catseg_vitb16_cocostuff_80k.py")
    config.model.backbone.architecture = "parity-vit"
    config.model.views = dict(type="ovsam.ops.windows.WholeView")
    # No worker: torch waits 5 s for one that failed. Errors of workers have their test in test_cli.
    in_process = dict(num_workers=0, persistent_workers=False)
    config.merge_from_dict(dict(precision="float32", test_dataloader=in_process))
    config.dump(tmp_path / "tiny.py")
    monkeypatch.chdir(tmp_path)
    return root


def test_every_set_leaves_a_record_of_its_own_classes(trees, tmp_path, capsys):
    assert main(["test", "tiny.py", "none", "--sets", "pas20b", "pas20", "--pictures", "1"]) == 0
    work = tmp_path / "work_dirs" / "tiny" / "other_weights"
    with_background, plain = (
        records.read(work / f"record_test_semantic_{name}.json") for name in ("pas20b", "pas20")
    )
    assert [with_background.dataset, plain.dataset] == ["PAS-20b", "PAS-20"]
    assert with_background.config_digest == plain.config_digest
    assert with_background.data_sha256 == plain.data_sha256  # the same file; elsewhere they differ
    assert with_background.metrics["num_classes"] == plain.metrics["num_classes"] == 20
    assert with_background.blemish  # random weights
    rows = json.loads((work / "classes_test_semantic_pas20b.json").read_text())["classes"]
    assert [row["name"] for row in rows][-1] == "background"
    assert (work / "pictures" / "semantic_pas20" / "00_a.png").is_file()
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [line["dataset"] for line in shown] == ["PAS-20b", "PAS-20"]


def _value(root):
    write_label_map(root / "voc20/val/a.png", np.full((30, 40), 20, np.uint8))


def _size(root):
    write_label_map(root / "voc20/val/a.png", np.zeros((40, 30), np.uint8))


def _colours(root):
    cv2.imwrite(str(root / "voc20/val/a.png"), np.zeros((30, 40, 3), np.uint8))


def _cut(root):
    path = root / "voc20/val/a.png"
    path.write_bytes(path.read_bytes()[:-20])


def _bits(root):
    write_label_map(root / "context459/val/a.png", np.zeros((30, 40), np.uint8))


MEND = r"[rR]un `python tools/prepare_data\.py voc`"


@pytest.mark.parametrize(
    ("damage", "given", "message"),
    [
        (
            _value,
            ["--sets", "pas20"],
            rf"a\.png has the value 20 at row 0, column 0; .*0\.\.19 .*{MEND}",
        ),
        (_size, ["--sets", "pas20"], rf"\(h, w\) = \(40, 30\), its image .*\(30, 40\); {MEND}"),
        (_colours, ["--sets", "pas20"], rf"has 3 channels, expected one: colours are no labels; {MEND}"),
        (_cut, ["--sets", "pas20"], rf"is broken: no PNG, or cut short; {MEND}"),
        (_bits, ["--sets", "pc459"], r"8 bits a pixel, its classes need 16; run `.* pc459`"),
        (None, ["--sets", "pas20", "a847"], r"labels847/validation does not exist; run `.* ade847`"),
        (
            None,
            ["--cfg-options", "test_dataloader.dataset.spec=pc59", "model.vocabulary.name=voc_20"],
            r"lacks 39 of the 59 classes of PC-59: .*; set the model's vocabulary .*--sets pc59",
        ),
    ],
)
def test_files_that_are_not_as_they_must_be_are_one_clear_line(trees, capsys, damage, given, message):
    if damage:
        damage(trees)
    capsys.readouterr()
    assert main(["test", "tiny.py", "none", *given]) == 2
    last = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(last) == 1
    assert "Traceback" not in last[0]
    assert re.search(message, last[0]), last[0]
