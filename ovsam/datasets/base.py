"""What the project's data sets share: randomness per sample, the epoch, redrawing, cached pictures."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset

from ovsam.datasets.pictures import read_entry

#: Pictures tried in place of one that the pipeline left without instances.
MAX_REDRAWS = 100


def sample_seed(*parts: int | str) -> int:
    """A seed from numbers and names, usually (seed, epoch, image id); the same in every process.

    It has 63 bits, so that it fits an int64.
    """
    text = ":".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


class SampleSeededDataset(BaseDataset):
    """A data set whose samples depend on (seed, epoch, image id) only.

    Each sample reaches the pipeline with `rng`, a numpy Generator, and `sample_seed`, its seed. In test
    mode the epoch does not count. The epoch is in shared memory, so that it also reaches workers that
    live on between epochs. A subclass gives `load_data_list`, whose entries have `img_id` and
    `img_path`.
    """

    def __init__(
        self,
        *,
        pipeline: Sequence[Any] = (),
        seed: int = 0,
        cache_images: bool = False,
        test_mode: bool = False,
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
        **source: Any,
    ) -> None:
        """Args:
        pipeline: transforms (configs or callables).
        seed: of the randomness of the samples.
        cache_images: keep decoded pictures in memory (per process), for small sets.
        test_mode: randomness does not depend on the epoch; nothing is redrawn.
        indices: only the first so many images, or those at these places.
        lazy_init: look for the files at first use only.
        source: where the data are and what they are, as mmengine's `BaseDataset` takes it.
        """
        self.seed = seed
        self.cache_images = cache_images
        self._pictures: dict[str, np.ndarray] = {}
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        super().__init__(
            pipeline=list(pipeline), test_mode=test_mode, indices=indices, lazy_init=lazy_init, **source
        )

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next samples belong to, in every process."""
        self._epoch[0] = epoch

    @property
    def epoch(self) -> int:
        """Epoch of the next sample."""
        return int(self._epoch)

    def image_id(self, index: int) -> int | str:
        """Id of the image at `index`, without reading it."""
        return BaseDataset.get_data_info(self, index)["img_id"]

    def __getitem__(self, index: int) -> Any:
        """The sample after the pipeline; where that leaves nothing, another one in training.

        Raises:
            RuntimeError: the pipeline left nothing, in training too many times in a row.
        """
        if not self._fully_initialized:
            self.full_init()
        sample = self.prepare_data(index)
        if sample is not None:
            return sample
        image_id = self.image_id(index)
        if self.test_mode:
            raise RuntimeError(f"the pipeline left nothing of image {image_id}")
        rng = np.random.default_rng(sample_seed(self.seed, self.epoch, image_id, "redraw"))
        for _ in range(MAX_REDRAWS):
            sample = self.prepare_data(int(rng.integers(len(self))))
            if sample is not None:
                return sample
        raise RuntimeError(f"the pipeline left nothing of {MAX_REDRAWS} images in turn; check its sizes")

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one entry; None where it leaves nothing."""
        results = self.get_data_info(idx)
        epoch = 0 if self.test_mode else self.epoch
        results["sample_seed"] = sample_seed(self.seed, epoch, results["img_id"])
        results["rng"] = np.random.default_rng(results["sample_seed"])
        if self.cache_images:
            path = results["img_path"]
            if path not in self._pictures:
                self._pictures[path] = results["img"] if "img" in results else read_entry(results)
                self._pictures[path].setflags(write=False)
            results["img"] = self._pictures[path]
        return self.pipeline(results)
