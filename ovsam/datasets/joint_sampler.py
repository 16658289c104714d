"""The order of joint training: one data set per batch, each as often as its weight says."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from mmengine.registry import DATA_SAMPLERS
from torch import Tensor

from ovsam.datasets.base import sample_seed
from ovsam.datasets.joint import JointDataset
from ovsam.datasets.samplers import EvenSampler


@DATA_SAMPLERS.register_module()
class JointSampler(EvenSampler):
    """Global batches of one data set each, the same for any number of processes.

    Every epoch has each data set in proportion to its weight, as near as whole batches allow; their
    order is drawn from seed and epoch. A data set's pictures come in passes that go on from epoch to
    epoch: none comes again before all have come. An index is the tuple of the pictures of one place.
    """

    def __init__(
        self,
        dataset: JointDataset,
        *,
        batch_size: int,
        batches: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Args:
        dataset: what is sampled.
        batch_size: places of a batch of this process; the runner gives the loader's.
        batches: global batches of an epoch; as many as show each picture once if left out.
        seed: common to all ranks; drawn and shared if None.

        Raises:
            ValueError: too few batches for a data set to have one.
        """
        super().__init__(dataset, shuffle=True, seed=seed)
        self.places = batch_size * self.world_size  # of a global batch
        if batches is None:
            per_batch = [number * self.places for number in dataset.pictures]
            pairs = zip(dataset.sizes, per_batch, strict=True)
            batches = max(1, sum(size // number for size, number in pairs))
        self.counts = batches_of_each(dataset.weights, batches)
        if not all(self.counts):
            rare = dataset.names[self.counts.index(0)]
            raise ValueError(
                f"an epoch of {batches} batches has none of data set {rare!r}, whose weight is"
                f" {min(dataset.weights):.2g} of all; raise sampler.batches or its weight"
            )
        self.num_samples = batches * batch_size
        self.total_size = batches * self.places

    def sources(self, epoch: int) -> list[int]:
        """Number of the data set of each global batch of an epoch."""
        rng = np.random.default_rng(sample_seed(self.seed, epoch, "data sets"))
        numbers = np.repeat(np.arange(len(self.counts)), self.counts)
        return rng.permutation(numbers).tolist()

    def _whole_epoch(self) -> Iterator[tuple[int, ...]]:
        data = self.dataset
        streams = [
            self._pictures(number, self.epoch * count * self.places * data.pictures[number])
            for number, count in enumerate(self.counts)
        ]
        for number in self.sources(self.epoch):
            places = [tuple(islice(streams[number], data.pictures[number])) for _ in range(self.places)]
            yield from places[self.rank :: self.world_size]

    def _pictures(self, number: int, behind: int) -> Iterator[int]:
        """A data set's pictures without end, from the one with so many behind it on."""
        turn, done = divmod(behind, self.dataset.sizes[number])
        while True:
            order = self._order(number, turn)[done:] + self.dataset.first[number]
            yield from map(int, order)
            turn, done = turn + 1, 0

    def _order(self, number: int, turn: int) -> Tensor:
        seed = sample_seed(self.seed, "pass", number, turn)
        generator = torch.Generator().manual_seed(seed)
        return torch.randperm(self.dataset.sizes[number], generator=generator)


def batches_of_each(weights: Sequence[float], batches: int) -> list[int]:
    """So many batches shared out by weights whose sum is 1; the largest remainders get the rest."""
    exact = np.asarray(weights) * batches
    counts = np.floor(exact).astype(int)
    for number in np.argsort(counts - exact, kind="stable")[: batches - counts.sum()]:
        counts[number] += 1
    return counts.tolist()
