"""Data sets that go on when a picture cannot be read, and say how many they left out."""

import logging
import math
from typing import Any, Literal

import torch
from mmengine.logging import print_log

from ovsam.datasets.base import SampleSeededDataset
from ovsam.registry import passes_options_to

OnError = Literal["raise", "skip"]


class BrokenPictureError(ValueError):
    """A picture is missing, broken or no picture; the message names it."""


@passes_options_to(SampleSeededDataset)
class BrokenPicturesDataset(SampleSeededDataset):
    """A data set whose pictures may be broken.

    `on_error="skip"` draws another picture in place of one that cannot be read. Each is counted, in all
    worker processes together (`num_broken`), and the log names those that make the count a power of ten,
    the first among them. Nothing is read beforehand: a tree may have 14 million pictures. Which picture
    is drawn instead depends on seed, epoch and image only. A test leaves nothing out.

    A subclass raises `BrokenPictureError` in `get_data_info`.
    """

    def __init__(self, *, on_error: OnError = "raise", **options: Any) -> None:
        """Args:
        on_error: `raise`, or `skip` in training.
        options: those of `SampleSeededDataset`.

        Raises:
            ValueError: another word, or `skip` in a test.
        """
        if on_error not in ("raise", "skip"):
            raise ValueError(f"on_error must be raise or skip, got {on_error!r}")
        if on_error == "skip" and options.get("test_mode"):
            raise ValueError("on_error='skip' is for training: a test leaves no picture out")
        self.skips_broken = on_error == "skip"
        self._num_broken = torch.zeros(1, dtype=torch.int64).share_memory_()
        super().__init__(**options)

    @property
    def num_broken(self) -> int:
        """Pictures that could not be read so far; one that is drawn twice counts twice."""
        return int(self._num_broken)

    def prepare_data(self, idx: int) -> Any:
        """As in the base class; None for a broken picture that is to be skipped."""
        try:
            return super().prepare_data(idx)
        except BrokenPictureError as error:
            if not self.skips_broken:
                raise
            self._num_broken += 1
            if math.log10(self.num_broken).is_integer():
                print_log(
                    f"{error}; another picture is taken ({self.num_broken:,} left out so far)",
                    "current",
                    logging.WARNING,
                )
            return None
