"""Cosines of regions with the classes of a large vocabulary, in chunks, and the exact best of them.

N regions and 26,000 classes of 2 synonyms have N x 52,000 cosines; here only those of one chunk of
classes exist at a time.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.structures.class_bank import ClassBank

#: Cosines that exist at once: 16 MB in float32. Larger chunks are slower: they leave the cache.
COSINES_AT_ONCE = 2**22
#: Fewer classes at once cost more in calls than they save.
LEAST_CLASSES = 256


def class_cosines(vectors: Tensor, bank: ClassBank, chunk: int | None = None) -> Iterator[Tensor]:
    """The largest cosine over the synonyms of each class, for one chunk of classes after the other.

    Args:
        vectors: (N, D) of any length.
        bank: of C classes.
        chunk: classes at once; None = as many as `COSINES_AT_ONCE` allow.

    Yields:
        (N, c) float32; all chunks side by side are (N, C).
    """
    regions = F.normalize(vectors.float(), dim=-1).t()  # (N, D) -> (D, N)
    if bank.rows.is_meta:  # nothing to look up: shapes only
        cosines = bank.table.flatten(0, 1).float() @ regions  # (C P, D) x (D, N) -> (C P, N)
        yield cosines.unflatten(0, bank.rows.shape).amax(dim=1).t()  # (C, P, N) -> (N, C)
        return
    for rows in bank.rows.split(chunk or classes_at_once(len(vectors), bank)):
        used, places = rows.unique(return_inverse=True)
        cosines = bank.strings[used].float() @ regions  # (l, D) x (D, N) -> (l, N)
        best = cosines[places[:, 0]]  # (l, N) -> (c, N)
        for synonym in places.t()[1:]:
            more = (synonym != places[:, 0]).nonzero().flatten()  # the others repeat their first
            best = best.index_put((more,), torch.maximum(best[more], cosines[synonym[more]]))
        yield best.t()  # (c, N) -> (N, c)


def classes_at_once(num_regions: int, bank: ClassBank) -> int:
    """Classes per chunk that `COSINES_AT_ONCE` allow, at least `LEAST_CLASSES`."""
    strings_per_class = max(len(bank.strings) / max(len(bank), 1), 1.0)
    return max(LEAST_CLASSES, int(COSINES_AT_ONCE / max(num_regions, 1) / strings_per_class))


def bank_logits(vectors: Tensor, bank: ClassBank, scale: float, chunk: int | None = None) -> Tensor:
    """As `class_embeddings.class_logits`, of a bank: (N, D) -> (N, C + 1), the last column is 0."""
    cosines = torch.cat(list(class_cosines(vectors, bank, chunk)), dim=1)  # (N, c) ... -> (N, C)
    return F.pad(scale * cosines, (0, 1))  # (N, C) -> (N, C + 1)


def top_classes(
    vectors: Tensor, bank: ClassBank, num: int, chunk: int | None = None
) -> tuple[Tensor, Tensor]:
    """The best classes of each region, best first; of equal ones the first in the vocabulary.

    Args:
        vectors: (N, D) of any length.
        bank: of C classes.
        num: K classes; all C if there are fewer.
        chunk: see `class_cosines`.

    Returns:
        Cosines (N, K) float32 and labels (N, K) int64.

    Raises:
        ValueError: `num` below 1.
    """
    if num < 1:
        raise ValueError(f"num must be 1 or more, got {num}")
    best = vectors.new_empty(len(vectors), 0, dtype=torch.float32)
    labels = torch.empty(len(vectors), 0, dtype=torch.int64, device=vectors.device)
    start = 0
    for cosines in class_cosines(vectors, bank, chunk):
        found, places = first_best(cosines, num)
        best, labels = torch.cat([best, found], 1), torch.cat([labels, places + start], 1)
        best, places = first_best(best, num)  # the labels ascend where values are equal
        labels = labels.gather(1, places)
        start += cosines.shape[1]
    return best, labels


def first_best(values: Tensor, num: int) -> tuple[Tensor, Tensor]:
    """As `values.topk(num)` of (N, C), but of equal values the first columns, in order.

    Returns:
        Values and columns, (N, min(num, C)) each.
    """
    num = min(num, values.shape[1])
    found = values.topk(num, dim=1)
    order = found.indices.sort(dim=1)
    best, places = found.values.gather(1, order.indices), order.values
    ranks = best.sort(dim=1, descending=True, stable=True)
    best, places = ranks.values, places.gather(1, ranks.indices)
    # Where more are equal to the last than there is room for, topk takes any of them.
    tied = ((values >= best[:, -1:]).sum(dim=1) > num).nonzero().flatten()
    if len(tied):
        exact = values[tied].sort(dim=1, descending=True, stable=True)
        best[tied], places[tied] = exact.values[:, :num], exact.indices[:, :num]
    return best, places
