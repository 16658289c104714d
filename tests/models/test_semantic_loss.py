import pytest
import torch
from torch.nn import functional as F

from ovsam.models.semantic_loss import SemanticLoss

LOGITS = torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(-1, 3, (2, 4, 6), generator=torch.Generator().manual_seed(2))


def by_hand(ignored_counts):
    total, count = 0.0, 0
    for image in range(2):
        for y in range(4):
            for x in range(6):
                label = int(LABELS[image, y, x])
                if label < 0 and not ignored_counts:
                    continue
                for number in range(3):
                    logit = LOGITS[image, number, y, x]
                    total += F.softplus(-logit if number == label else logit).item()
                    count += 1
    return total / count


@pytest.mark.parametrize(("ignored", "counts"), [("masked", False), ("negative", True)])
def test_binary_loss(ignored, counts):
    found = SemanticLoss(ignored=ignored)(LOGITS, LABELS).item()
    assert found == pytest.approx(by_hand(counts), rel=1e-5)


def test_softmax_loss():
    expected = F.cross_entropy(LOGITS, LABELS, ignore_index=-1)
    torch.testing.assert_close(SemanticLoss(kind="softmax", weight=2.0)(LOGITS, LABELS), 2 * expected)


def test_logits_are_enlarged_to_the_labels():
    labels = LABELS.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    large = F.interpolate(LOGITS, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(SemanticLoss()(LOGITS, labels), SemanticLoss()(large, labels))


@pytest.mark.parametrize("kind", ["binary", "softmax"])
def test_nothing_known_gives_zero(kind):
    assert SemanticLoss(kind=kind)(LOGITS, torch.full_like(LABELS, -1)) == 0


def test_bad_settings_and_labels_are_refused():
    with pytest.raises(ValueError, match="kind"):
        SemanticLoss(kind="dice")
    with pytest.raises(ValueError, match="softmax"):
        SemanticLoss(kind="softmax", ignored="negative")
    with pytest.raises(ValueError, match="below 3, got 3"):
        SemanticLoss()(LOGITS, LABELS + 1)
