"""k-means on the members of many sets of points at once, without randomness.

All sets share their points (the cells of a grid) and differ in which of them are members. Ties go to the
first: of equally far points, and of equally near centres.
"""

import torch
from torch import Tensor


def first_maximum(values: Tensor) -> Tensor:
    """Place of the first maximum along the last dimension, on every device: (..., P) -> (...) int64."""
    is_maximum = values == values.amax(dim=-1, keepdim=True)
    order = torch.arange(values.shape[-1], 0, -1, device=values.device)
    return (is_maximum * order).argmax(dim=-1)


def farthest_points(points: Tensor, members: Tensor, first: Tensor, num: int) -> tuple[Tensor, Tensor]:
    """Members spread out: each one is the farthest from all before.

    Points (P, 2), members (M, P) bool, first members (M,) int64 and `num` = K -> places (M, K) int64,
    and (M, K) bool: False where the set has too few different points.

    Source: Gonzalez, Clustering to Minimize the Maximum Intercluster Distance.
    """
    chosen = [first]
    exists = [torch.ones_like(first, dtype=torch.bool)]
    nearest = _squared_distances(points, points[first])  # (M, P)
    nearest = nearest.masked_fill(~members, -1)
    for _ in range(num - 1):
        following = first_maximum(nearest)
        exists.append(nearest.amax(dim=1) > 0)
        chosen.append(following)
        nearest = torch.minimum(nearest, _squared_distances(points, points[following]))
    return torch.stack(chosen, dim=1), torch.stack(exists, dim=1)


def masked_kmeans(
    points: Tensor, members: Tensor, starts: Tensor, exists: Tensor, iterations: int
) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm on the members of each set.

    Points (P, 2) float, members (M, P) bool with one or more in every set, places (M, K) int64 of the
    first centres, and (M, K) bool whether there is such a cluster (the first always is) -> cluster of
    every point (M, P) int64, -1 for points that are no members; and (M, K) bool, whether a cluster has
    members. A cluster that has lost its last member keeps its centre.
    """
    if iterations < 1:
        raise ValueError(f"the number of iterations must be 1 or more, got {iterations}")
    centres = points[starts]  # (M, K, 2)
    labels = _nearest(points, centres, exists)
    for _ in range(iterations):
        centres = _means(points, members, labels, centres)
        labels = _nearest(points, centres, exists)
    labels = labels.masked_fill(~members, -1)
    clusters = torch.arange(starts.shape[1], device=labels.device)
    filled = (labels[:, None, :] == clusters[:, None]).any(dim=2)  # (M, K, P) -> (M, K)
    return labels, filled


def _squared_distances(points: Tensor, centres: Tensor) -> Tensor:
    """(P, 2), (M, 2) -> (M, P)."""
    return (points[None] - centres[:, None]).square().sum(dim=2)


def _nearest(points: Tensor, centres: Tensor, exists: Tensor) -> Tensor:
    """(P, 2), (M, K, 2), (M, K) -> (M, P) int64."""
    best = _squared_distances(points, centres[:, 0])
    labels = torch.zeros_like(best, dtype=torch.int64)
    for cluster in range(1, centres.shape[1]):
        distances = _squared_distances(points, centres[:, cluster])
        is_nearer = (distances < best) & exists[:, cluster, None]
        best = torch.where(is_nearer, distances, best)
        labels = labels.masked_fill(is_nearer, cluster)
    return labels


def _means(points: Tensor, members: Tensor, labels: Tensor, centres: Tensor) -> Tensor:
    """Centres (M, K, 2) of the members of each cluster; those without members stay."""
    moved = []
    for cluster in range(centres.shape[1]):
        own = ((labels == cluster) & members).to(points.dtype)  # (M, P)
        counts = own.sum(dim=1, keepdim=True)
        mean = (own @ points) / counts.clamp(min=1)
        moved.append(torch.where(counts > 0, mean, centres[:, cluster]))
    return torch.stack(moved, dim=1)
