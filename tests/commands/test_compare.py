"""`ovsam compare` on two hand-made results of drawn pictures."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from ovsam.benchmark import records
from ovsam.benchmark.signed import read_signed
from ovsam.cli import main
from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.evaluation.promptable import InstanceResults, summarize
from ovsam.files import sha256_of, write_json
from ovsam.ops.masks import encode_masks
from tests.benchmark.test_records import METRICS, make_record


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Truth of three pictures in `data/shapes`, as results and masks; the current folder holds them."""
    monkeypatch.chdir(tmp_path)
    write_shapes(tmp_path / "data" / "shapes", ShapesPlan(seed=3, train=1, val=1, test=3, distill=1))
    dataset = CocoPromptDataset(
        data_root="data/shapes", ann_file="annotations/instances_test.json",
        data_prefix=dict(img="images/test"), vocabulary="shapes", keep="evaluated",
        pipeline=[LoadImage(), LoadInstances()], test_mode=True,
    )  # fmt: skip
    samples = [dataset[i] for i in range(len(dataset))]
    labels = np.concatenate([sample["labels"] for sample in samples])
    truth = InstanceResults(
        image_ids=np.repeat([s["img_id"] for s in samples], [len(s["labels"]) for s in samples]),
        labels=labels,
        predicted=labels,
        ious=np.ones(len(labels)),
        areas=np.concatenate([sample["masks"].sum(axis=(1, 2), dtype=np.int64) for sample in samples]),
    )
    return truth, [code for sample in samples for code in encode_masks(sample["masks"])]


def leave(folder, rows, codes=None, **changes):
    data = sha256_of("data/shapes/annotations/instances_test.json")
    vocabulary = get_vocabulary("shapes")
    measured = summarize(rows, base=sorted(vocabulary.base), novel=sorted(vocabulary.novel))
    metrics = {name: measured.get(name) for name in METRICS}
    record = make_record(**{"data_sha256": data, "metrics": metrics, **changes})
    records.write(record, folder / "record_test_box.json")
    np.savez_compressed(folder / "instances_test_box.npz", **vars(rows))
    if codes is not None:
        write_json(codes, folder / "masks_test_box.json")


def test_a_results_file_keeps_every_pair(world, tmp_path, capsys):
    truth, _ = world
    worse = dataclasses.replace(truth, ious=truth.ious / 2)
    for name, rows in (("one", truth), ("two", worse)):
        leave(tmp_path / name, rows, config=f"mini/{name}", seed=1)
    file = tmp_path / "differences.json"
    compare = ["--into", str(file), "--config", "mini/ovsam_rn"]
    assert main(["compare", "one", "two", *compare]) == 0
    assert main(["compare", "two", "one", *compare]) == 0
    pairs = read_signed(file, part="pairs")
    assert list(pairs) == ["one_two_box_test", "two_one_box_test"]
    found = pairs["one_two_box_test"]
    assert found["groups"]["all"]["iou"]["difference"] == pytest.approx(-50)
    assert found["groups"]["all"]["iou"]["num"] == len(truth.labels)
    assert (found["first"]["config"], found["second"]["seed"]) == ("mini/one", 1)
    assert found["second"]["provenance"]["hardware"]
    file.write_text(file.read_text().replace("-50", "-10"))
    assert main(["compare", "one", "two", *compare]) == 2
    assert "changed by hand; compare again with --into" in capsys.readouterr().err


def test_difference_by_group_and_picture_of_the_worst(world, tmp_path, capsys):
    truth, codes = world
    ious, predicted = truth.ious.copy(), truth.predicted.copy()
    ious[1], predicted[1] = 0.25, (truth.labels[1] + 1) % 80
    worse = dataclasses.replace(truth, ious=ious, predicted=predicted)
    leave(tmp_path / "a", truth, codes)
    leave(tmp_path / "b", worse, codes, method="Another", config="mini/ovsam_head")
    arguments = ["compare", "a", "b", "--output", "out", "--min-instances", "1", "--resamples", "100"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    num = len(truth.labels)
    assert f"| all | {num} | 100.0 | {100 - 75 / num:.1f} | {-75 / num:+.2f} |" in text
    assert "B: Another (mini/ovsam_head, seed 0)" in text
    assert "**Classes, the largest losses and gains: Accuracy**" in text
    assert "--keep-masks" not in text
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    found = {(d["metric"], d["group"]): d for d in content["groups"]}
    assert found["accuracy", "all"]["difference"] == pytest.approx(-100 / num)
    assert content["second"]["method"] == "Another"
    picture = np.asarray(Image.open(tmp_path / "out" / "worst.png"))
    assert picture.shape[1] > 3 * 220  # truth, A and B of the one case
    main(["compare", "b", "a", "--output", "other"])
    assert "B loses nowhere against A" in capsys.readouterr().out


def test_results_of_other_data_are_refused(world, tmp_path, capsys):
    truth, _ = world
    leave(tmp_path / "a", truth)
    leave(tmp_path / "b", truth, dataset="shapes val")
    leave(tmp_path / "c", dataclasses.replace(truth, areas=truth.areas + 1))
    for other, message in (("b", "differ in dataset"), ("c", "areas differ"), ("d", "does not exist")):
        assert main(["compare", "a", other]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_instances_that_are_not_the_records_are_refused(world, tmp_path, capsys):
    truth, _ = world
    leave(tmp_path / "a", truth)
    leave(tmp_path / "b", truth)
    ious = truth.ious.copy()
    ious[0] = 0.5
    changed = dataclasses.replace(truth, ious=ious)
    np.savez_compressed(tmp_path / "b" / "instances_test_box.npz", **vars(changed))
    assert main(["compare", "a", "b"]) == 2
    error = capsys.readouterr().err
    assert "its record has 100.0: they are not of one test, or were changed; test again" in error
