"""What `ovsam cache_teacher` does; its options are in `ovsam.arguments.cache_teacher`."""

import errno
import os
import shutil
import time
from argparse import Namespace
from collections.abc import Iterable

import torch
from mmengine.dataset import pseudo_collate
from torch import nn
from torch.utils.data import DataLoader, Subset

from ovsam.commands.shared.options import asked_config
from ovsam.commands.shared.progress import counted, tracked
from ovsam.datasets.base import SampleSeededDataset
from ovsam.datasets.feature_store import FeatureWriter, pixels_checksum, remove_damaged
from ovsam.engine.teacher_features import build_source, fingerprint_of, store_of
from ovsam.models.freezing import freeze
from ovsam.registry import build_model
from ovsam.weights import load_parts

#: Variables that hold (rank, number of processes, rank on this machine).
RANK_VARIABLES = {
    "pytorch": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
}
PROBED_IMAGES, PROBED_EPOCHS = 4, 4  # a flip of half of the images escapes with a chance of 2^-12


def run(args: Namespace) -> int:
    """Fill the store.

    Returns:
        1 if `--verify` found damaged shards (they are removed), else 0.

    Raises:
        ValueError: the config does not train from a store, or its pipeline is random.
        FeatureStoreError: the store was made by something else, or float16 does not hold the features.
    """
    config = asked_config(args)
    root = store_of(config)
    if root is None:
        raise ValueError(
            f"{args.config} has a live teacher and reads no feature store; name its cached variant, or"
            " see configs/sam2clip/README.md for how to make one"
        )
    if args.verify:
        return _verify(root)
    rank, world_size, local_rank = _place(args.launcher)
    # A GPU for each process of a machine; where srun shows each only its own, that is the first.
    num_gpus = torch.cuda.device_count()
    device = f"cuda:{local_rank % num_gpus}" if num_gpus else "cpu"
    source = build_source(config)
    _refuse_randomness(source)
    image_ids = [source.image_id(index) for index in range(len(source))]
    fingerprint = fingerprint_of(config)
    teacher = build_model(config.cached_teacher["model"])
    load_parts(teacher, {"": config.cached_teacher["weights"]}, config.get("weights_root", "work_dirs"))
    freeze(teacher)
    with FeatureWriter(
        root=root,
        shape=(teacher.out_channels, *teacher.embedding_size),
        fingerprint=fingerprint,
        images_per_shard=args.images_per_shard,
    ) as writer:
        # By place in the whole set: who does what does not depend on what is done, so that processes
        # that start at different times do not do the same.
        done = writer.done()
        mine = [i for i in range(rank, len(image_ids), world_size) if image_ids[i] not in done]
        loader = DataLoader(
            Subset(source, mine),
            batch_size=args.batch_size,
            num_workers=args.workers if mine else 0,
            collate_fn=pseudo_collate,
        )
        _require_space(root, len(set(image_ids) - done), writer.bytes_per_image)
        started = time.monotonic()
        preprocessor = build_model(config.model["data_preprocessor"]).to(device)
        expected = [image_ids[i] for i in mine]
        batches = tracked(loader, "teacher", is_shown=rank == 0)
        _fill(writer, batches, preprocessor, teacher.to(device), expected)
        missing = writer.finish(image_ids)
    rate = len(mine) / max(time.monotonic() - started, 1e-9)
    state = f"{missing:,} images are left to other processes" if missing else "complete"
    print(f"{root}: {len(mine):,} images made ({rate:.2f} images/s), {len(done):,} were there, {state}")
    return 0


def _fill(
    writer: FeatureWriter,
    batches: Iterable[dict],
    preprocessor: nn.Module,
    teacher: nn.Module,
    expected: list[int | str],
) -> None:
    """Run the teacher over all batches; `expected` are the ids of their images in order."""
    ids = iter(expected)
    for batch in batches:
        with torch.no_grad():
            features = teacher(preprocessor(batch)["inputs"])
        for image, sample, row in zip(batch["inputs"], batch["data_samples"], features, strict=True):
            image_id = next(ids)
            if sample.img_id != image_id:
                raise ValueError(
                    f"the pipeline dropped image {image_id} and gave {sample.img_id} in its place; a"
                    " teacher needs a pipeline that keeps every image"
                )
            writer.add(image_id, row, pixels_checksum(image))


def _refuse_randomness(source: SampleSeededDataset) -> None:
    """Raise ValueError where the pixels of an image change from epoch to epoch."""
    for index in range(min(PROBED_IMAGES, len(source))):
        seen = set()
        for epoch in range(PROBED_EPOCHS):
            source.set_epoch(epoch)
            seen.add(pixels_checksum(source[index]["inputs"]))
        if len(seen) > 1:
            raise ValueError(
                f"the pipeline is random: the pixels of image {source.image_id(index)} differ between"
                " epochs, so features cannot be kept; take out flips and crops, or train with a live"
                " teacher"
            )
    source.set_epoch(0)


def _require_space(root: str, num_images: int, bytes_per_image: int) -> None:
    """Raise OSError where the images to come do not fit on the disk."""
    needed, free = num_images * bytes_per_image, shutil.disk_usage(root).free
    if needed > free:
        text = f"{num_images:,} images need {needed >> 20:,} MiB, {free >> 20:,} MiB are free"
        raise OSError(errno.ENOSPC, text, root)


def _place(launcher: str) -> tuple[int, int, int]:
    """(rank, number of processes, rank on this machine)."""
    if launcher == "none":
        return 0, 1, 0
    names = RANK_VARIABLES[launcher]
    absent = [name for name in names if name not in os.environ]
    if absent:
        command = {"pytorch": "torchrun", "slurm": "srun"}[launcher]
        raise ValueError(
            f"--launcher {launcher} expects the variables {', '.join(absent)}: start it by {command}"
        )
    rank, world_size, local_rank = (int(os.environ[name]) for name in names)
    return rank, world_size, local_rank


def _verify(root: str) -> int:
    with counted(f"{root}: shards read") as report:
        damaged = remove_damaged(root, report)
    if not damaged:
        print(f"{root}: every shard is as it was written")
        return 0
    print(
        f"{root}: {len(damaged)} shards were damaged and are removed ({', '.join(damaged)}); run the"
        " command without --verify to make them again"
    )
    return 1
