import pytest

from ovsam.evaluation.zero_shot import ZeroShotAccuracy

PAIRS = [(1, 1), (2, 0), (0, 0), (3, 3), (1, 4)]


def test_accuracy_in_percent_and_results_are_cleared_between_evaluations():
    metric = ZeroShotAccuracy()
    for _ in range(2):
        for predicted, true in PAIRS:
            metric.process(None, [dict(pred_label=predicted, gt_label=true)])
        found = metric.evaluate(size=len(PAIRS))
        assert found == {"zero_shot/accuracy": pytest.approx(60.0), "zero_shot/num_boxes": 5}


def test_every_box_of_a_picture_counts():
    """A metric gets the number of samples: results beyond it are a sampler's padding and are cut off."""
    metric = ZeroShotAccuracy()
    for part in (PAIRS[:3], PAIRS[3:]):
        predicted, true = (list(labels) for labels in zip(*part, strict=True))
        metric.process(None, [dict(pred_label=predicted, gt_label=true)])
    found = metric.evaluate(size=2)
    assert found == {"zero_shot/accuracy": pytest.approx(60.0), "zero_shot/num_boxes": 5}


def test_no_boxes():
    with pytest.raises(ValueError, match="no boxes"):
        ZeroShotAccuracy().compute_metrics([])
