import json
import multiprocessing
import os
import signal

import pytest

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.preparation import lvis
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.lvis import WITHOUT_RARE, prepare_lvis
from ovsam.datasets.tree import DataTreeError
from ovsam.datasets.vocabularies import get_vocabulary

VOCABULARY = get_vocabulary("lvis_v1")


def prepare(root, *splits, force=False, with_pictures=False):
    options = Options(workers=2, force=force, with_pictures=with_pictures)
    return prepare_lvis(root, options, root.with_name("coco"), splits or ("train", "val"))


def test_the_training_file_lacks_rare_annotations_and_nothing_else(lvis_root):
    report = prepare(lvis_root, with_pictures=True)
    assert report.is_complete
    original = json.loads((lvis_root / "annotations" / "lvis_v1_train.json").read_text())
    made = json.loads((lvis_root / WITHOUT_RARE).read_text())
    rare = {VOCABULARY.category_ids[label] for label in VOCABULARY.novel}
    expected = [row for row in original["annotations"] if row["category_id"] not in rare]
    assert (len(original["annotations"]), len(expected)) == (7, 4)
    assert made == {**original, "annotations": expected}
    assert "made, 4 annotations, without 3 of rare classes" in str(report)
    assert "all 1 pictures" in str(report)  # of val, in each of COCO's folders


def test_the_made_file_is_what_training_reads(lvis_root):
    prepare(lvis_root)
    found = CocoPromptDataset(
        data_root=str(lvis_root.parent),
        ann_file="lvis/annotations/lvis_v1_train_norare.json",
        data_prefix=dict(img="coco"),
        vocabulary="lvis_v1",
        keep="base",
    )
    assert found.skipped == {}
    infos = [found.get_data_info(i) for i in range(len(found))]
    assert sorted(i["label"] for info in infos for i in info["instances"]) == sorted(VOCABULARY.base)[:4]
    assert infos[0]["img_path"].endswith("coco/train2017/000000000001.jpg")


def test_originals_are_never_touched_and_a_second_call_changes_nothing(lvis_root, snapshot):
    before = snapshot(lvis_root.parent)
    prepare(lvis_root)
    after = snapshot(lvis_root.parent)
    new = {path.rpartition("/")[2] for path in after.keys() - before.keys()}
    assert new == {"lvis_v1_train_norare.json", "lvis_v1_train_norare.made.json"}
    assert before == {path: after[path] for path in before}
    assert "already there, 4 annotations" in str(prepare(lvis_root))
    assert snapshot(lvis_root.parent) == after


def test_tests_alone_need_no_training_file(lvis_root):
    (lvis_root / "annotations" / "lvis_v1_train.json").unlink()
    assert prepare(lvis_root, "val").is_complete
    assert not (lvis_root / WITHOUT_RARE).exists()
    [line] = prepare(lvis_root).missing
    assert "lvis_v1_train.json.zip (350 MB) from https://" in line


def test_a_made_file_that_is_not_what_it_should_be_is_refused(lvis_root, change):
    target = lvis_root / WITHOUT_RARE
    target.write_text("{}")
    with pytest.raises(DataTreeError, match=r"not written by this command .*; give --force"):
        prepare(lvis_root)
    prepare(lvis_root, force=True)
    whole = target.read_bytes()
    target.write_bytes(whole[:-9])
    with pytest.raises(DataTreeError, match="changed or damaged after it was made; give --force"):
        prepare(lvis_root)
    target.write_bytes(whole)
    change(lvis_root / "annotations" / "lvis_v1_train.json", lambda c: c["annotations"].pop())
    with pytest.raises(DataTreeError, match="made from a different training file; give --force"):
        prepare(lvis_root)
    prepare(lvis_root, force=True)
    assert len(json.loads(target.read_text())["annotations"]) == 3
    target.with_suffix(".made.json").write_text("{")
    with pytest.raises(ValueError, match=r"made\.json is not valid JSON"):
        prepare(lvis_root)


def test_a_file_with_another_split_is_refused(lvis_root, change):
    path = lvis_root / "annotations" / "lvis_v1_train.json"
    change(path, lambda c: c["categories"][0].update(frequency="r"))
    [line] = prepare(lvis_root).broken
    assert "category 1 ('aerosol can') has frequency 'r', but is not rare in the vocabulary" in line
    assert not (lvis_root / WITHOUT_RARE).exists()


def test_coco_annotations_do_not_pass_for_lvis(lvis_root):
    source = lvis_root.with_name("coco") / "annotations" / "instances_train2017.json"
    (lvis_root / "annotations" / "lvis_v1_train.json").write_bytes(source.read_bytes())
    [line] = prepare(lvis_root, "train").broken
    assert "not of vocabulary 'lvis_v1'" in line


def test_missing_images_name_the_folder_of_coco(lvis_root):
    coco = lvis_root.with_name("coco")
    (coco / "val2017" / "000000000001.jpg").unlink()
    [line] = prepare(lvis_root).missing
    assert line.startswith(f"{coco / 'val2017'}: 1 of the 1 pictures in annotations/lvis_v1_val.json")
    assert "val2017.zip (1 GB)" in line


def prepare_and_die(root):
    """Die as a killed process would, when the record is there and the file is not."""
    write = lvis.write_json

    def write_and_die(path, content):
        write(path, content)
        os.kill(os.getpid(), signal.SIGKILL)

    lvis.write_json = write_and_die
    prepare(root)


def test_a_killed_run_leaves_no_file_that_passes_for_whole(lvis_root):
    process = multiprocessing.get_context("fork").Process(target=prepare_and_die, args=(lvis_root,))
    process.start()
    process.join(60)
    assert process.exitcode == -9
    assert not (lvis_root / WITHOUT_RARE).exists()
    assert (lvis_root / WITHOUT_RARE).with_suffix(".made.json").exists()
    assert "made, 4 annotations" in str(prepare(lvis_root))
