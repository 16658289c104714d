"""Samplers whose batches do not depend on the number of processes."""

from collections.abc import Iterator, Sized
from itertools import islice
from typing import Any

from mmengine.dataset import DefaultSampler
from mmengine.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EvenSampler(DefaultSampler):
    """Deals the same global batches to any number of processes.

    Rank r of W takes every W-th index of one common order, so the k-th batches of all ranks together
    hold the same images as the k-th batch of one process with W times the batch size. Indices beyond the
    last multiple of W are left out; with `drop_last=True` in the loader the incomplete last global batch
    is dropped on every world size alike. For training; tests use mmengine's sampler and the metric
    drops its padding by image id.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        """Args:
        dataset: what is sampled.
        shuffle: a new order every epoch, from `seed` and epoch.
        seed: common to all ranks; drawn and shared if None.
        """
        super().__init__(dataset, shuffle=shuffle, seed=seed, round_up=False)
        self.total_size = len(dataset) // self.world_size * self.world_size
        self.num_samples = self.total_size // self.world_size
        self._left_out = 0

    def __iter__(self) -> Iterator[int]:
        """This process's indices of an epoch."""
        left_out, self._left_out = self._left_out, 0
        return islice(self._whole_epoch(), left_out, None)

    def _whole_epoch(self) -> Iterator[Any]:
        return super().__iter__()

    def start_at(self, index: int) -> None:
        """Leave out the first `index` samples of this process in the next pass, and only there."""
        self._left_out = index

    def set_epoch(self, epoch: int) -> None:
        """Another order; the data set is told too, for a loop that counts steps never does."""
        super().set_epoch(epoch)
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)
