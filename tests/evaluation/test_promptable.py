"""The metric against a slow reference, evaluated twice, with empty groups and padding."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from ovsam.evaluation.promptable import PromptableMetric
from ovsam.structures.sample import PromptSample

META = dict(base=[0, 2], novel=[1])


def sample(image_id, labels, predicted, seed):
    generator = np.random.default_rng(seed)
    num = len(labels)
    item = PromptSample(metainfo=dict(img_id=image_id))
    item.gt_instances = InstanceData(
        labels=torch.tensor(labels, dtype=torch.int64),
        original_masks=torch.from_numpy(generator.random((num, 7, 9)) < 0.6),
    )
    found = dict(masks=torch.from_numpy(generator.random((num, 7, 9)) < 0.5))
    if predicted is not None:
        found["labels"] = torch.tensor(predicted, dtype=torch.int64)
    item.pred_instances = InstanceData(**found)
    return item


def reference(samples):
    """Pixel by pixel, instance by instance."""
    ious, hits = {"base": [], "novel": []}, {"base": [], "novel": []}
    for item in samples:
        for row, label in enumerate(item.gt_instances.labels.tolist()):
            group = "base" if label in META["base"] else "novel" if label in META["novel"] else None
            if group is None:
                continue
            inter = union = 0
            for a, b in zip(
                item.pred_instances.masks[row].flatten().tolist(),
                item.gt_instances.original_masks[row].flatten().tolist(),
                strict=True,
            ):
                inter += a and b
                union += a or b
            ious[group].append(inter / union)
            hits[group].append(item.pred_instances.labels[row].item() == label)
    return {
        "promptable/iou_base": 100 * sum(ious["base"]) / len(ious["base"]),
        "promptable/iou_novel": 100 * sum(ious["novel"]) / len(ious["novel"]),
        "promptable/iou": 100 * np.mean(ious["base"] + ious["novel"]),
        "promptable/accuracy": 100 * np.mean(hits["base"] + hits["novel"]),
        "promptable/accuracy_base": 100 * np.mean(hits["base"]),
        "promptable/accuracy_novel": 100 * np.mean(hits["novel"]),
    }


def evaluate(evaluator, samples):
    for item in samples:
        evaluator.process(data_samples=[item])
    return evaluator.evaluate(len(samples))


@pytest.fixture
def evaluator():
    found = Evaluator([PromptableMetric()])
    found.dataset_meta = META
    return found


def test_equals_the_slow_reference_twice(evaluator):
    samples = [
        sample(11, [0, 1, 2], [0, 2, 2], 1),
        sample(12, [1], [1], 2),  # no base instance
        sample(13, [2, 0, 3], [1, 0, 3], 3),  # no novel instance; label 3 is in neither group
        sample(14, [], [], 4),
    ]
    expected = reference(samples)
    for _ in range(2):
        got = evaluate(evaluator, samples)
        for name, value in expected.items():
            assert got[name] == pytest.approx(value, abs=1e-9), name
        assert got["promptable/num_base"] == 4
        assert got["promptable/num_novel"] == 2
        base, novel = got["promptable/accuracy_base"], got["promptable/accuracy_novel"]
        assert got["promptable/harmonic_mean"] == pytest.approx(2 / (1 / base + 1 / novel))


def test_padding_of_the_sampler_is_dropped_by_image_id(evaluator):
    samples = [sample(21, [0], [0], 5), sample(22, [1, 2], [0, 0], 6)]
    assert evaluate(evaluator, samples) == evaluate(evaluator, [*samples, samples[0]])


def test_empty_group_has_no_value_but_a_count(evaluator):
    got = evaluate(evaluator, [sample(31, [0, 2], [0, 0], 7)])
    assert "promptable/iou_novel" not in got
    assert "promptable/harmonic_mean" not in got
    assert got["promptable/num_novel"] == 0
    assert got["promptable/accuracy_base"] == 50


def test_boxes_instead_of_masks_have_no_iou(evaluator):
    samples = [sample(1, [0, 2], [0, 1], seed=1)]
    with_masks = evaluate(evaluator, samples)
    evaluator.dataset_meta = {**evaluator.dataset_meta, "with_masks": False}
    found = evaluate(evaluator, samples)
    assert found == {name: value for name, value in with_masks.items() if "iou" not in name}


def test_method_without_labels_has_iou_only(evaluator):
    got = evaluate(evaluator, [sample(41, [0, 1], None, 8)])
    assert "promptable/iou" in got
    assert not [name for name in got if "accuracy" in name]


def test_an_instance_without_an_answer_is_wrong(evaluator):
    got = evaluate(evaluator, [sample(42, [0, 2, 0, 1], [0, -1, -1, -1], 8)])
    assert got["promptable/accuracy_base"] == pytest.approx(100 / 3)
    assert got["promptable/accuracy_novel"] == 0
    assert got["promptable/accuracy"] == 25
    assert got["promptable/harmonic_mean"] == 0


def test_rows_are_kept_in_order_of_image_id(evaluator):
    evaluate(evaluator, [sample(52, [1], [1], 9), sample(51, [0, 2], [2, 2], 10)])
    rows = evaluator.metrics[0].instances
    assert rows.image_ids.tolist() == [51, 51, 52]
    assert rows.predicted.tolist() == [2, 2, 1]
    assert (rows.areas > 0).all()


def test_number_of_predictions_must_match(evaluator):
    wrong = sample(61, [0, 1], [0, 1], 11)
    wrong.pred_instances = wrong.pred_instances[:1]
    with pytest.raises(ValueError, match="image 61: 2 prompts but 1 predictions"):
        evaluator.process(data_samples=[wrong])
