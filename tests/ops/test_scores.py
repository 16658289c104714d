"""Scores: fusion weights, classes that may not be answered, answers."""

import torch

from ovsam.ops.scores import best_classes, class_columns, fuse_log_scores, keep_classes

HEAD = torch.tensor([[2.0, 0.0, 1.0, 0.0], [0.0, 3.0, 1.0, -1.0]])
CLIP = torch.tensor([[0.0, 4.0, 1.0, 0.0], [5.0, 0.0, 1.0, -2.0]])


def test_fusion_is_the_weighted_geometric_mean():
    weights = torch.tensor([0.1, 0.9, 0.0, 0.1])
    fused = fuse_log_scores(HEAD, CLIP, weights).exp()
    expected = HEAD.softmax(1) ** (1 - weights) * CLIP.softmax(1) ** weights
    torch.testing.assert_close(fused, expected)


def test_weight_zero_and_one_read_one_branch():
    ones = torch.ones(2, 4)
    torch.testing.assert_close(fuse_log_scores(HEAD, CLIP, 0 * ones), HEAD.log_softmax(1))
    torch.testing.assert_close(fuse_log_scores(HEAD, CLIP, ones), CLIP.log_softmax(1))


def test_class_left_out_is_never_answered_even_if_best():
    kept = keep_classes(HEAD, {1, 2})
    labels, scores = best_classes(kept)
    assert labels.tolist() == [2, 1]
    expected = HEAD[:, 1:].softmax(1)
    torch.testing.assert_close(scores, torch.stack([expected[0, 1], expected[1, 0]]))


def test_background_is_never_answered_but_takes_its_share():
    labels, scores = best_classes(torch.tensor([[1.0, 0.0, 5.0]]))
    assert labels.tolist() == [0]
    torch.testing.assert_close(scores, torch.tensor([1.0, 0.0, 5.0]).softmax(0)[:1])


def test_columns_leave_background_out():
    assert class_columns({0, 2}, 3, "cpu").tolist() == [True, False, True, False]
    assert class_columns((), 3, "cpu").tolist() == [False] * 4


def test_no_rows_give_no_answers():
    labels, scores = best_classes(torch.zeros(0, 4))
    assert labels.shape == scores.shape == (0,)
