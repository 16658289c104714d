"""Losses of region vectors over so many classes that only some of them get gradients at a time."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from mmengine import dist
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.losses import UNKNOWN_LABEL, mean_over_processes
from ovsam.ops.class_ranking import class_cosines
from ovsam.ops.precision import full_precision
from ovsam.registry import MODELS, passes_options_to
from ovsam.structures.class_bank import ClassBank


@dataclass(frozen=True, kw_only=True)
class ClassBatch:
    """The known regions of a batch, and the classes that they are compared with."""

    bank: ClassBank  # of C classes
    scale: float  # of the cosines
    regions: Tensor  # (n, D) float32
    targets: Tensor  # (n,) int64, their labels
    shown: Tensor  # labels of the global batch, ascending, int64 on the CPU
    others: Tensor  # all other labels that take part, the same
    generator: torch.Generator  # on the CPU, in the same state on all processes

    def cosines(self, labels: Tensor) -> Tensor:
        """Of the regions with the classes of `labels` (c,), (n, c)."""
        return torch.cat([*class_cosines(self.regions, self.part(labels))], dim=1)

    def part(self, labels: Tensor) -> ClassBank:
        """The bank of the classes of `labels`, (c,) int64 on any device."""
        return ClassBank(self.bank.strings, self.bank.rows[labels.to(self.bank.rows.device)])


class DrawnClassLoss(nn.Module, ABC):
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
                ClassBatch(
                    bank=bank,
                    scale=classifier.logit_scale,
                    regions=regions.float(),
                    targets=targets,
                    shown=torch.tensor(shown, dtype=torch.int64),
                    others=_others(len(bank), shown, kept),
                    generator=torch.Generator().manual_seed(seed),
                )
            )
        # Vectors without a label take part with a zero: on no process may a gradient be missing.
        return (
            self.weight * (losses.sum() + 0 * vectors.sum()) / mean_over_processes(len(targets), vectors)
        )

    @abstractmethod
    def losses(self, batch: ClassBatch) -> Tensor:
        """Of each region, (n,) float32."""


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

    def losses(self, batch: ClassBatch) -> Tensor:
        """As in the base class."""
        device, others = batch.regions.device, batch.others
        own_logits = batch.scale * batch.cosines(batch.shown)
        with torch.no_grad():
            background = own_logits.new_zeros(len(own_logits), 1)
            log_total = torch.cat([own_logits, background], dim=1).logsumexp(dim=1)
            largest = []
            for cosines in class_cosines(batch.regions, batch.part(others)):
                log_total = torch.logaddexp(log_total, (batch.scale * cosines).logsumexp(dim=1))
                largest.append(F.pad(cosines, (0, 0, 0, 1), value=-2.0).amax(dim=0))  # also of no region
            near = self._nearest(torch.cat(largest))
        is_far = torch.ones(len(others), dtype=torch.bool)
        is_far[near] = False
        far = is_far.nonzero().flatten()
        drawn = far[torch.randperm(len(far), generator=batch.generator)[: self.num_drawn]]
        stands_for = torch.ones(len(near) + len(drawn))
        stands_for[len(near) :] = len(far) / max(len(drawn), 1)
        logits = batch.scale * batch.cosines(others[torch.cat([near, drawn])])
        shares = (own_logits - log_total[:, None]).exp().sum(dim=1) + (-log_total).exp()
        shares = shares + (logits - log_total[:, None]).exp() @ stands_for.to(device)  # 1 on average
        columns = torch.searchsorted(batch.shown.to(device), batch.targets)
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
        self.num_classes = num_classes
        self.chances = None if counts is None else torch.tensor(counts, dtype=torch.float64) ** power

    def losses(self, batch: ClassBatch) -> Tensor:
        """As in the base class."""
        device, shown, others = batch.regions.device, batch.shown, batch.others
        if self.chances is not None and len(self.chances) != len(batch.bank):
            raise ValueError(f"counts are of {len(self.chances)} classes, there are {len(batch.bank)}")
        chances = torch.ones(len(others)) if self.chances is None else self.chances[others]
        number = min(max(self.num_classes - len(shown), 0), int((chances > 0).sum()))
        places = torch.zeros(0, dtype=torch.int64)
        if number:
            places = torch.multinomial(chances, number, generator=batch.generator)
        columns = torch.cat([shown, others[places]]).sort().values
        logits = F.pad(batch.scale * batch.cosines(columns), (0, 1))  # (n, c) -> (n, c + 1), background
        targets = torch.searchsorted(columns.to(device), batch.targets)
        return F.cross_entropy(logits, targets, reduction="none")


def _others(num_classes: int, shown: Sequence[int], kept: Collection[int] | None) -> Tensor:
    """Labels that take part and are not shown, ascending."""
    takes_part = torch.zeros(num_classes, dtype=torch.bool)
    takes_part[slice(None) if kept is None else sorted(kept)] = True
    takes_part[list(shown)] = False
    return takes_part.nonzero().flatten()
