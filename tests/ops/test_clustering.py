import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from ovsam.ops.clustering import farthest_points, first_maximum, masked_kmeans

SIDE = 12
CELLS = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="xy"), dim=2)
CELLS = CELLS.flatten(0, 1).double()  # (P, 2) xy


def cluster(members, first, count, iterations=20):
    starts, exists = farthest_points(CELLS, members, first, count)
    return (starts, exists, *masked_kmeans(CELLS, members, starts, exists, iterations))


def random_members(number, seed):
    generator = torch.Generator().manual_seed(seed)
    fill = torch.rand(number, 1, generator=generator) * 0.6 + 0.1
    members = torch.rand(number, len(CELLS), generator=generator) < fill
    members[:, 7] = True
    first = first_maximum(torch.rand(number, len(CELLS), generator=generator) * members)
    return members, first


def test_equals_scikit_learn_on_100_random_maps():
    # Moved a little, so that no two centres are equally near: scikit-learn leaves those to rounding.
    jitter = torch.rand(CELLS.shape, generator=torch.Generator().manual_seed(5), dtype=CELLS.dtype)
    cells = CELLS + jitter / 10
    members, first = random_members(130, seed=3)
    starts, exists = farthest_points(cells, members, first, 5)
    labels, filled = masked_kmeans(cells, members, starts, exists, iterations=100)
    whole = (exists & filled).all(dim=1).nonzero()[:, 0].tolist()
    assert len(whole) >= 100
    for row in whole[:100]:
        model = KMeans(5, init=cells[starts[row]].numpy(), n_init=1, tol=0, max_iter=1000)
        expected = model.fit(cells[members[row]].numpy()).labels_
        np.testing.assert_array_equal(labels[row][members[row]].numpy(), expected)


def test_one_member_makes_one_cluster():
    members = torch.zeros(1, len(CELLS), dtype=torch.bool)
    members[0, 30] = True
    _, exists, labels, filled = cluster(members, torch.tensor([30]), 4)
    assert filled.tolist() == exists.tolist() == [[True, False, False, False]]
    assert labels[0, 30] == 0
    assert (labels[0, :30] == -1).all()


def test_fewer_members_than_clusters_get_one_each():
    members = torch.zeros(1, len(CELLS), dtype=torch.bool)
    members[0, [3, 90, 140]] = True
    starts, _, labels, filled = cluster(members, torch.tensor([90]), 5)
    assert filled.tolist() == [[True, True, True, False, False]]
    assert sorted(labels[0, [3, 90, 140]].tolist()) == [0, 1, 2]
    assert starts[0, 0] == 90


def test_all_members_are_clustered():
    members = torch.ones(2, len(CELLS), dtype=torch.bool)
    _, _, labels, filled = cluster(members, torch.tensor([0, 77]), 5)
    assert filled.all()
    assert (labels >= 0).all()


def test_ties_go_to_the_first():
    assert first_maximum(torch.tensor([1.0, 5.0, 5.0, 2.0])) == 1
    members = torch.zeros(1, len(CELLS), dtype=torch.bool)
    members[0, [0, 1, 2]] = True  # x = 0, 1, 2: the middle is as near to both ends
    starts, _, labels, _ = cluster(members, torch.tensor([0]), 2, iterations=1)
    assert starts.tolist() == [[0, 2]]
    assert labels[0, :3].tolist() == [0, 0, 1]


def test_sets_do_not_influence_each_other():
    members, first = random_members(6, seed=1)
    together = cluster(members, first, 3, iterations=4)[2]
    alone = torch.cat([cluster(members[i : i + 1], first[i : i + 1], 3, 4)[2] for i in range(6)])
    assert torch.equal(together, alone)


def test_no_iterations_are_refused():
    members, first = random_members(1, seed=0)
    with pytest.raises(ValueError, match="1 or more"):
        cluster(members, first, 2, iterations=0)
