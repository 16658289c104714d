"""What the project's data sets share: randomness per sample, the epoch, redrawing, broken entries."""

import hashlib
import os
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset

from ovsam.datasets.broken import OnError, find_broken, one_line, report_left_out
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
    `img_path`. What it leaves out is counted in `skipped`, by reason.
    """

    def __init__(
        self,
        *,
        pipeline: Sequence[Any] = (),
        seed: int = 0,
        cache_images: bool = False,
        test_mode: bool = False,
        on_error: OnError = "raise",
        indices: int | Sequence[int] | None = None,
        lazy_init: bool = False,
        **source: Any,
    ) -> None:
        """Args:
        pipeline: transforms (configs or callables).
        seed: of the randomness of the samples.
        cache_images: keep decoded pictures in memory (per process), for small sets.
        test_mode: randomness does not depend on the epoch; nothing is redrawn.
        on_error: `raise` stops at what is broken when it is read. `skip` reads every entry before the
            first sample is drawn, and leaves out, counts and logs those that are broken.
        indices: only the first so many images, or those at these places.
        lazy_init: look for the files at first use only.
        source: where the data are and what they are, as mmengine's `BaseDataset` takes it.
        """
        if on_error not in ("raise", "skip"):
            raise ValueError(f"on_error must be 'raise' or 'skip', got {on_error!r}")
        self.seed = seed
        self.on_error = on_error
        self.skipped: dict[str, int] = {}
        self.cache_images = cache_images
        self._pictures: dict[str, np.ndarray] = {}
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        super().__init__(
            pipeline=list(pipeline), test_mode=test_mode, indices=indices, lazy_init=lazy_init, **source
        )

    def full_init(self) -> None:
        """List the entries; with `on_error='skip'` without those that cannot be read.

        Raises:
            ValueError: more than half of them are broken.
        """
        if self._fully_initialized:
            return
        super().full_init()
        number = len(self)
        if self.on_error == "raise" or not number:
            return
        found = find_broken(self.problem_of, number, self._key_of_contents())
        report_left_out("images", self.source, list(found.values()), number)
        if found:
            self.skipped["broken images"] = len(found)
            self.get_subset_([index for index in range(number) if index not in found])

    @property
    def source(self) -> str:
        """The file or folder that lists the entries, for messages."""
        return str(self.ann_file or self.data_root or type(self).__name__)

    def problem_of(self, index: int) -> str:
        """Why an entry cannot be read, by the steps of the pipeline that read files; empty if it can."""
        try:
            results = self.get_data_info(index)
            for step in self._reading_steps():
                results = step(results)
        except (ValueError, OSError) as error:
            return one_line(error)
        return ""

    def files_of(self, entry: Mapping[str, Any]) -> list[str]:
        """Paths of the files that an entry is read from."""
        return [entry[key] for key in ("img_path", "label_path") if key in entry]

    def _reading_steps(self) -> list[Any]:
        return [step for step in self.pipeline.transforms if getattr(step, "reads_files", False)]

    def _key_of_contents(self) -> str:
        """sha256 (hex) over the entries and the sizes and times of their files."""
        steps = [type(step).__qualname__ for step in self._reading_steps()]
        digest = hashlib.sha256(repr([type(self).__qualname__, steps]).encode())
        for index in range(len(self)):
            entry = BaseDataset.get_data_info(self, index)
            digest.update(pickle.dumps(entry, protocol=4))
            for path in self.files_of(entry):
                facts = os.stat(path) if os.path.exists(path) else None
                digest.update(repr(facts and (facts.st_size, facts.st_mtime_ns)).encode())
        return digest.hexdigest()

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
