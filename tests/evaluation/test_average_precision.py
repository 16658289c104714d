"""AP against COCO's official numbers, against pycocotools and lvis-api, and by hand."""

import contextlib
import copy
import io
import json
import re

import lvis
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ovsam.evaluation.average_precision import ApEvaluator
from ovsam.ops.masks import encode_masks
from tests.evaluation.conftest import CATEGORIES


@pytest.fixture
def official(shared):
    """Folder of COCO's evaluation example."""
    return shared / "data" / "coco_val2014_100"


@pytest.fixture
def coco(official):
    """Its ground truth."""
    return json.loads((official / "instances_val2014_100.json").read_text())


@pytest.mark.parametrize("iou_type", ["segm", "bbox"])
def test_official_numbers_to_three_decimals(official, coco, iou_type):
    text = (official / "val2014_fake_eval_res.txt").read_text()
    section = text.split(f"type={iou_type}")[1].split("type=")[0]
    expected = [float(value) for value in re.findall(r"= (0\.\d{3})", section)]
    assert len(expected) == 12
    results = json.loads((official / f"instances_val2014_fake{iou_type}100_results.json").read_text())
    found = ApEvaluator(coco, iou_type=iou_type).evaluate(results)
    assert found.max_detections == (1, 10, 100)
    precisions = [found.ap(), found.ap(iou=0.5), found.ap(iou=0.75)]
    precisions += [found.ap(area=size) for size in ("small", "medium", "large")]
    recalls = [found.recall[:, :, 0, limit] for limit in range(3)]  # all sizes
    recalls += [found.recall[:, :, size, -1] for size in (1, 2, 3)]
    means = [table[table > -1].mean() for table in recalls]
    assert [round(value / 100, 3) for value in precisions] == expected[:6]
    assert [round(value, 3) for value in means] == expected[6:]


def peer_of_coco(content, results, **params):
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = copy.deepcopy(content)
        ground_truth.createIndex()
        peer = COCOeval(ground_truth, ground_truth.loadRes(copy.deepcopy(results)), "segm")
        for name, value in params.items():
            setattr(peer.params, name, value)
        peer.evaluate()
        peer.accumulate()
    return peer


def test_equals_pycocotools_on_some_classes_and_images(coco, noisy_results):
    ground_truth = COCO()
    ground_truth.dataset = coco
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth.createIndex()
    codes = [ground_truth.annToRLE(row) for row in coco["annotations"]]
    codes = [{"size": code["size"], "counts": code["counts"].decode()} for code in codes]
    results = noisy_results(coco, codes)
    categories, images = [1, 3, 17, 62, 67], [row["id"] for row in coco["images"][::2]]
    peer = peer_of_coco(coco, results, catIds=categories, imgIds=sorted(images))
    before = copy.deepcopy(results)
    found = ApEvaluator(coco).evaluate(results, category_ids=categories, image_ids=images)
    assert results == before
    np.testing.assert_allclose(found.precision, peer.eval["precision"], atol=1e-12)
    np.testing.assert_allclose(found.recall, peer.eval["recall"], atol=1e-12)
    table = peer.eval["precision"][0][:, [1, 3], 0, -1]  # IoU 0.5, classes 3 and 62
    assert 0 < found.ap([62, 3], iou=0.5) < 100
    assert found.ap([62, 3], iou=0.5) == pytest.approx(100 * table[table > -1].mean())
    assert found.ap([62, 3], iou=0.5) != pytest.approx(found.ap(iou=0.5))


def test_federated_ground_truth_against_itself_is_perfect(federated):
    results = [
        {**{key: row[key] for key in ("image_id", "category_id", "segmentation")}, "score": 0.5}
        for row in federated["annotations"]
    ]
    evaluator = ApEvaluator(federated)
    assert evaluator.is_federated
    found = evaluator.evaluate(results)
    assert found.ap() == found.ap([4]) == found.ap(area="small") == pytest.approx(100.0)
    assert found.with_ground_truth() == (1, 2, 4, 7, 8, 9)


@pytest.fixture
def peer_of_lvis(tmp_path, monkeypatch):
    """Ground truth, results and the limit of an image -> lvis-api's evaluation, run."""
    monkeypatch.setattr(np, "float", float, raising=False)  # lvis-api is older than numpy 1.24

    def run(content, results, limit=300):
        path = tmp_path / "lvis.json"
        path.write_text(json.dumps(content))
        ground_truth = lvis.LVIS(str(path))
        found = lvis.LVISResults(ground_truth, copy.deepcopy(results), max_dets=limit)
        peer = lvis.LVISEval(ground_truth, found, "segm")
        peer.run()
        return peer

    return run


def test_of_a_crowded_image_lvis_counts_the_300_best_of_all_classes(federated, peer_of_lvis):
    rng = np.random.default_rng(3)
    right = [row for row in federated["annotations"] if row["image_id"] in (31, 32)]
    false = [
        {**row, "image_id": image_id, "category_id": int(rng.choice(CATEGORIES))}
        for image_id in (31, 32)
        for row in rng.choice(federated["annotations"], size=700)
    ]
    # Every second right one comes after some 500 of its image that are mostly false.
    scores = [*([0.9, 0.3] * len(right))[: len(right)], *rng.random(len(false))]
    keys = ("image_id", "category_id", "segmentation")
    results = [
        {**{key: row[key] for key in keys}, "score": float(score)}
        for row, score in zip([*right, *false], scores, strict=True)
    ]
    found = ApEvaluator(federated).evaluate(results)
    peer = peer_of_lvis(federated, results)
    np.testing.assert_allclose(found.precision[..., -1], peer.eval["precision"], atol=1e-12)
    assert found.max_detections == (300,)
    unlimited = peer_of_lvis(federated, results, limit=-1)
    assert unlimited.get_results()["AP"] != pytest.approx(peer.get_results()["AP"], abs=1e-4)


def test_equals_lvis_api(federated, noisy_results, peer_of_lvis):
    results = noisy_results(federated, [row["segmentation"] for row in federated["annotations"]])
    peer = peer_of_lvis(federated, results)
    found = ApEvaluator(federated).evaluate(results)
    np.testing.assert_allclose(found.precision[..., -1], peer.eval["precision"], atol=1e-12)
    expected = peer.get_results()
    of_letter = {
        letter: [row["id"] for row in federated["categories"] if row["frequency"] == letter]
        for letter in "rcf"
    }
    assert found.ap() == pytest.approx(100 * expected["AP"])
    assert found.ap(iou=0.5) == pytest.approx(100 * expected["AP50"])
    for letter, ids in of_letter.items():
        assert found.ap(ids) == pytest.approx(100 * expected[f"AP{letter}"])
    assert len({round(found.ap(ids), 6) for ids in of_letter.values()}) == 3


def two_images():
    mask = np.zeros((2, 10, 14), bool)
    mask[0, 1:5, 2:8] = mask[1, 6:9, 3:13] = True
    first, second = encode_masks(mask)
    images = [dict(id=i, height=10, width=14) for i in (3, 5)]
    shared = dict(category_id=2, iscrowd=0)
    annotations = [
        dict(id=1, image_id=3, bbox=[2, 1, 6, 4], area=24, segmentation=first, **shared),
        dict(id=2, image_id=5, bbox=[3, 6, 10, 3], area=30, segmentation=second, **shared),
    ]
    content = dict(images=images, annotations=annotations, categories=[dict(id=2), dict(id=6)])
    return content, first


def test_missed_image_and_class_without_ground_truth_by_hand():
    content, first = two_images()
    right = dict(image_id=3, category_id=2, segmentation=first, score=0.9)
    false = dict(image_id=3, category_id=6, segmentation=first, score=0.9)
    evaluator = ApEvaluator(content)
    assert not evaluator.is_federated
    found = evaluator.evaluate([right, false])
    # One of two objects found, no false one before it: precision 1 at the 51 recalls up to 0.5.
    assert found.ap() == found.ap([2]) == pytest.approx(100 * 51 / 101)
    assert found.ap([6]) is None
    assert found.with_ground_truth() == (2,)
    assert evaluator.evaluate([right, false], image_ids=[3]).ap() == pytest.approx(100.0)
    assert evaluator.evaluate([]).ap() == 0.0


def test_what_the_ground_truth_lacks_is_an_error():
    content, first = two_images()
    row = dict(image_id=4, category_id=2, segmentation=first, score=0.9)
    with pytest.raises(ValueError, match=r"1 images are not in the ground truth, such as \[4\]"):
        ApEvaluator(content).evaluate([row])
    with pytest.raises(ValueError, match=r"categories are not in the ground truth, such as \[3\]"):
        ApEvaluator(content).evaluate([], category_ids=[2, 3])
    with pytest.raises(ValueError, match="needs images and categories"):
        ApEvaluator(dict(images=[], categories=[]))
    with pytest.raises(ValueError, match="iou must be one of"):
        ApEvaluator(content).evaluate([]).ap(iou=0.52)
