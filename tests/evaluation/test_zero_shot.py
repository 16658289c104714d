import pytest

from ovsam.evaluation.zero_shot import ZeroShotAccuracy


def test_accuracy_in_percent_and_results_are_cleared_between_evaluations():
    metric = ZeroShotAccuracy()
    pairs = [(1, 1), (2, 0), (0, 0), (3, 3), (1, 4)]
    for _ in range(2):
        for predicted, true in pairs:
            metric.process(None, [dict(pred_label=predicted, gt_label=true)])
        found = metric.evaluate(size=len(pairs))
        assert found == {"zero_shot/accuracy": pytest.approx(60.0), "zero_shot/num_crops": 5}


def test_no_crops():
    with pytest.raises(ValueError, match="no boxes"):
        ZeroShotAccuracy().compute_metrics([])
