"""Losses of region vectors over so many classes that only some of them get gradients at a time."""

import hashlib
from collections.abc import Collection, Sequence

import torch
from mmengine import dist
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.losses import UNKNOWN_LABEL, mean_over_processes
from ovsam.ops.class_ranking import bank_logits, class_cosines
from ovsam.ops.precision import full_precision
from ovsam.registry import MODELS, passes_options_to
from ovsam.structures.class_bank import ClassBank


class DrawnClassLoss(nn.Module):
    """A class loss that reads region vectors, so that no (N, C) logits are kept for the gradients.

    Args:
        weight: factor of the loss.

    Attributes:
        reads_vectors: True; losses without it read logits.
    """

    reads_vectors = True

    def __init__(self, *, weight: float = 2.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(
        self,
        classifier: nn.Module,
        vectors: Tensor,
        labels: Tensor,
        seeds: Sequence[int],
        kept: Collection[int] | None = None,
    ) -> Tensor:
        """Mean over the instances that have a label, () float32.

        Args:
            classifier: has a `bank` of C classes and a `logit_scale`; background has logit 0.
            vectors: (N, D) of any length.
            labels: (N,) int64 in 0..C-1, or -1: left out.
            seeds: of the samples of the batch; classes are drawn from those of all processes.
            kept: labels of the classes that take part; None = all.
        """
        known = labels != UNKNOWN_LABEL
        regions, targets = vectors[known], labels[known]
        shared = dist.all_gather_object((sorted(set(targets.tolist())), list(seeds)))
        shown = sorted({label for found, _ in shared for label in found})
        text = repr(sorted(seed for _, found in shared for seed in found))
        seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")
        bank = classifier.bank.to(vectors.device)
        with full_precision(vectors):
            losses = self.losses(
                bank=bank,
                scale=classifier.logit_scale,
                regions=regions.float(),
                targets=targets,
                shown=torch.tensor(shown, dtype=torch.int64),
                others=_others(len(bank), shown, kept),
                generator=torch.Generator().manual_seed(seed),
            )
        # Vectors without a label take part with a zero: on no process may a gradient be missing.
        return (
            self.weight * (losses.sum() + 0 * vectors.sum()) / mean_over_processes(len(targets), vectors)
        )

    def losses(
        self,
        *,
        bank: ClassBank,
        scale: float,
        regions: Tensor,
        targets: Tensor,
        shown: Tensor,
        others: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Of each region, (n,) float32.

        Args:
            bank: of C classes.
            scale: of the cosines.
            regions: (n, D) float32.
            targets: (n,) int64, their labels.
            shown: labels of the global batch, ascending, on the CPU.
            others: all other labels that take part, ascending, on the CPU.
            generator: on the CPU, the same on all processes.
        """
        raise NotImplementedError


@MODELS.register_module()
@passes_options_to(DrawnClassLoss)
class SampledClassLoss(DrawnClassLoss):
    """The cross-entropy over all C classes and background, with gradients of a sample of the classes.

    Its value is that of the cross-entropy, plus noise without bias; its gradients are those of the
    cross-entropy on average over the draws. The normaliser is summed up over chunks of classes without
    gradients. Gradients have the classes of the batch, those nearest to any region, and some of the rest
    at random, which stand for all of the rest.

    Args:
        num_nearest: classes with the largest cosine with any region.
        num_drawn: classes drawn of the rest.
        options: those of `DrawnClassLoss`.

    Raises:
        ValueError: a number below 0, or none drawn.
    """

    def __init__(self, *, num_nearest: int = 1000, num_drawn: int = 1000, **options: float) -> None:
        super().__init__(**options)
        if num_nearest < 0 or num_drawn < 1:
            raise ValueError(
                f"num_nearest must be 0 or more and num_drawn 1 or more, got {num_nearest} and"
                f" {num_drawn}: without a draw the gradients would be biased"
            )
        self.num_nearest = num_nearest
        self.num_drawn = num_drawn

    def losses(
        self,
        *,
        bank: ClassBank,
        scale: float,
        regions: Tensor,
        targets: Tensor,
        shown: Tensor,
        others: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """As in the base class."""
        device = regions.device
        rest = _part(bank, others.to(device))
        own_logits = scale * torch.cat([*class_cosines(regions, _part(bank, shown.to(device)))], dim=1)
        with torch.no_grad():
            log_total = torch.cat([own_logits, own_logits.new_zeros(len(regions), 1)], 1).logsumexp(1)
            largest = []
            for cosines in class_cosines(regions, rest):
                log_total = torch.logaddexp(log_total, (scale * cosines).logsumexp(dim=1))
                largest.append(F.pad(cosines, (0, 0, 0, 1), value=-2.0).amax(dim=0))  # also of no region
            near = self._nearest(torch.cat(largest))
        far = torch.ones(len(others), dtype=torch.bool)
        far[near] = False
        far_places = far.nonzero().flatten()
        order = torch.randperm(len(far_places), generator=generator)[: self.num_drawn]
        drawn = far_places[order.sort().values]
        places = torch.cat([near, drawn])
        stands_for = torch.ones(len(places))
        stands_for[len(near) :] = len(far_places) / max(len(drawn), 1)
        logits = scale * torch.cat([*class_cosines(regions, _part(rest, places.to(device)))], dim=1)
        shares = (own_logits - log_total[:, None]).exp().sum(dim=1) + (-log_total).exp()
        shares = shares + (logits - log_total[:, None]).exp() @ stands_for.to(device)  # 1 on average
        columns = torch.searchsorted(shown.to(device), targets)
        true_logits = own_logits.gather(1, columns[:, None])[:, 0]
        return log_total + shares - 1 - true_logits

    def _nearest(self, largest: Tensor) -> Tensor:
        """Places of the largest values, ascending, on the CPU; alike on all processes."""
        values = largest.cpu()
        dist.all_reduce(values, op="max")
        return values.topk(min(self.num_nearest, len(values))).indices.sort().values


@MODELS.register_module()
@passes_options_to(DrawnClassLoss)
class FederatedClassLoss(DrawnClassLoss):
    """Cross-entropy over the classes of the batch, some others drawn at random, and background.

    For data that do not say of every class whether a picture shows it, such as LVIS: most classes are no
    counterexample of a region most of the time, frequent ones more often.

    Source: Zhou et al., Probabilistic two-stage detection, 2021, section 4 (federated loss). Differs in
    that it is a softmax, as all losses of the region head.

    Args:
        num_classes: of the batch and drawn, together; more only if the batch has more.
        counts: pictures of each of the C classes; all alike if left out.
        power: classes are drawn with probabilities like counts ** power.
        options: those of `DrawnClassLoss`.

    Raises:
        ValueError: fewer than two classes, or counts below 0.
    """

    def __init__(
        self,
        *,
        num_classes: int = 50,
        counts: Sequence[float] | None = None,
        power: float = 0.5,
        **options: float,
    ) -> None:
        super().__init__(**options)
        if num_classes < 2 or (counts is not None and min(counts) < 0):
            raise ValueError(f"num_classes must be 2 or more and counts not negative, got {num_classes}")
        self.num_drawn = num_classes
        self.chances = None if counts is None else torch.tensor(counts, dtype=torch.float64) ** power

    def losses(
        self,
        *,
        bank: ClassBank,
        scale: float,
        regions: Tensor,
        targets: Tensor,
        shown: Tensor,
        others: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """As in the base class."""
        if self.chances is not None and len(self.chances) != len(bank):
            raise ValueError(f"counts are of {len(self.chances)} classes, there are {len(bank)}")
        chances = torch.ones(len(others)) if self.chances is None else self.chances[others]
        number = min(max(self.num_drawn - len(shown), 0), int((chances > 0).sum()))
        places = torch.zeros(0, dtype=torch.int64)
        if number:
            places = torch.multinomial(chances, number, generator=generator)
        columns, order = torch.cat([shown, others[places]]).sort()
        logits = bank_logits(regions, _part(bank, columns.to(regions.device)), scale)
        rows = order.argsort()[: len(shown)].to(regions.device)  # columns of the classes shown
        targets = rows[torch.searchsorted(shown.to(regions.device), targets)]
        return F.cross_entropy(logits, targets, reduction="none")


def _others(num_classes: int, shown: Sequence[int], kept: Collection[int] | None) -> Tensor:
    """Labels that take part and are not shown, ascending."""
    takes_part = torch.zeros(num_classes, dtype=torch.bool)
    takes_part[slice(None) if kept is None else sorted(kept)] = True
    takes_part[list(shown)] = False
    return takes_part.nonzero().flatten()


def _part(bank: ClassBank, labels: Tensor) -> ClassBank:
    return ClassBank(bank.strings, bank.rows[labels])
