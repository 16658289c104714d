"""Stages `image` and `train`: an image and training steps, beside the same model without fast paths."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ovsam.benchmark import provenance
from ovsam.benchmark.complexity import fast_paths
from ovsam.benchmark.memory import peak_bytes
from ovsam.cli import find_config
from ovsam.commands.benchmark.results import compiled_name, report
from ovsam.commands.benchmark.turns import in_turn
from ovsam.commands.complexity import build_on
from ovsam.commands.shared.options import chosen_device
from ovsam.datasets.transforms.prompts import DrawPrompts
from ovsam.engine.configuration import load_config
from ovsam.engine.precision import run_in
from ovsam.ops.compiling import compile_parts
from ovsam.processes import worker_pool
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample

#: Size -> part -> config.
PARTS = {
    "full": {
        "image": "ovsam/ovsam_rn50x16_coco48_12e",
        "clip2sam_step": "ovsam/ovsam_rn50x16_coco48_12e",
        "sam2clip_live_step": "sam2clip/sam2clip_vith_rn50x16_sa1b_24e",
        "sam2clip_cached_step": "sam2clip/sam2clip_vith_rn50x16_sa1b_24e_cached",
    },
    "mini": {
        "image": "mini/ovsam_rn",
        "clip2sam_step": "mini/ovsam_rn",
        "sam2clip_live_step": "mini/sam2clip_rn",
        "sam2clip_cached_step": "mini/sam2clip_rn_cached",
    },
}
#: Stage -> parts.
STAGES = {
    "image": ("image",),
    "train": ("clip2sam_step", "sam2clip_live_step", "sam2clip_cached_step"),
}
STEP_BATCH, IMAGE_PROMPTS = 2, 10
GB = 1e9


def run(args: argparse.Namespace) -> None:
    """Measure every part of the stage in a process of its own, so that no memory is counted twice.

    Raises:
        ValueError: a GPU that is not there, `--compile` without one, or a results file of another kind.
    """
    device = chosen_device(args.device)
    ending = compiled_name(args, device)
    for part in STAGES[args.stage]:
        for precision in args.precisions:
            measurement = provenance.Measurement()
            job = (PARTS[args.of][part], part, device, precision, args)
            with worker_pool(1) as pool:
                found = pool.submit(measure, *job).result()
            content = {"part": part, "of": args.of, "device": device, "precision": precision, **found}
            names = (part, args.of, device, precision, *ending)
            report(content, measurement, args, *names)


def measure(
    config_name: str, part: str, device: str, precision: str, args: argparse.Namespace
) -> dict[str, Any]:
    """Time and memory of one part in this process.

    Returns:
        `config`, `config_digest`, `batch`, `prompts` (per image), what the `peer` is, `ours_s`, `peer_s`
        (medians), `ratio`, and `ours_gb`: what the allocator held at most on a GPU, the resident memory
        of the process on a CPU.
    """
    config = load_config(find_config(config_name))
    torch.manual_seed(0)
    model = build_on(config.model, device)
    run_in(model, precision)
    if args.compile:
        compile_parts(model)
    work, batch, prompts = _work_of(model, config, part, device)
    for _ in range(2):  # only a second step has the optimiser's state from its beginning
        work()
    peak = peak_bytes(device)  # before the peer runs
    return {
        "config": config_name,
        "config_digest": provenance.config_digest(config.to_dict()),
        "batch": batch,
        "prompts": prompts,
        "boxes": "of a 32nd to a half of the side; names are read of the prompts' boxes",
        "peer": "the same model without fast paths, one prompt at a time",
        **in_turn(work, work, device, args, partial(_plain, model)),
        "ours_gb": peak / GB,
    }


@contextmanager
def _plain(model: nn.Module) -> Iterator[None]:
    """The peer: the model without fast paths; prediction takes one prompt at a time."""
    chunk_size = getattr(model, "chunk_size", None)
    has_chunks = hasattr(model, "chunk_size")
    with fast_paths(model, False):
        if has_chunks:
            model.chunk_size = 1
        try:
            yield
        finally:
            if has_chunks:
                model.chunk_size = chunk_size


def _work_of(
    model: nn.Module, config: Config, part: str, device: str
) -> tuple[Callable[[], object], int, int]:
    """What one run of a part does, images in it, prompts per image."""
    side = model.data_preprocessor.size
    if part == "image":
        model.eval()
        model.roi_box = "prompt"  # masks of random weights have no box worth reading
        images = torch.randn(1, 3, side, side, device=device)
        samples = [_prompted(side, IMAGE_PROMPTS, 0)]
        return lambda: model(images, samples, mode="predict"), 1, IMAGE_PROMPTS
    model.train()
    model.cache = None  # a step computes all of its images, as the first epoch does
    if getattr(model, "decoded_prompts", None):
        model.decoded_prompts = max(1, model.decoded_prompts)  # below 1, chance decides on the work
    images = torch.randn(STEP_BATCH, 3, side, side, device=device)
    if part == "clip2sam_step":
        (drawing,) = (s for s in config.train_dataloader.dataset.pipeline if s["type"] is DrawPrompts)
        counts = drawing["num_boxes"], drawing["num_points"]
        samples = [_prompted(side, *counts) for _ in range(STEP_BATCH)]
        return _step(model, config, images, samples), STEP_BATCH, sum(counts)
    samples = [PromptSample() for _ in range(STEP_BATCH)]
    if part == "sam2clip_cached_step":
        neck = model.neck
        shape = (neck.out_channels, neck.embedding_size, neck.embedding_size)
        for sample in samples:
            sample.teacher_features = torch.randn(shape, dtype=torch.float16)
    return _step(model, config, images, samples), STEP_BATCH, 0


def _step(
    model: nn.Module, config: Config, images: Tensor, samples: list[PromptSample]
) -> Callable[[], None]:
    """One step of training with the config's optimiser and clipping."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    options = dict(config.optim_wrapper.optimizer)
    optimiser = options.pop("type")(parameters, **options)

    def step() -> None:
        optimiser.zero_grad()
        sum(model(images, samples, mode="loss").values()).backward()
        nn.utils.clip_grad_norm_(parameters, **config.optim_wrapper.clip_grad)
        optimiser.step()

    return step


def _prompted(side: int, num_boxes: int, num_points: int) -> PromptSample:
    """A sample of a whole square: boxes, then points, each on an instance that fills its box.

    Sides of boxes are a 32nd to a half of the square's, small ones as frequent as large ones.
    """
    num = num_boxes + num_points
    sides = side / 2 ** (1 + 4 * torch.rand(num, 2))
    corners = torch.rand(num, 2) * (side - sides)
    boxes = torch.cat([corners, corners + sides], dim=1)
    sample = PromptSample(
        metainfo={
            "img_id": 0,
            "img_shape": (side, side),
            "ori_shape": (side, side),
            "scale_factor": (1.0, 1.0),
            "sample_seed": 0,
        }
    )
    sample.prompts = Prompts.from_boxes(boxes[:num_boxes], "resized")
    if num_points:
        middles = (boxes[num_boxes:, :2] + boxes[num_boxes:, 2:]) / 2
        points = Prompts.from_points(middles[:, None], "resized")  # (n, 2) -> (n, 1, 2)
        sample.prompts = Prompts.concatenate([sample.prompts, points])
    places = torch.arange(side)
    left, top, right, bottom = boxes[:, :, None].unbind(dim=1)  # (n, 1) each
    rows = (places >= top) & (places < bottom)
    columns = (places >= left) & (places < right)
    sample.gt_instances = InstanceData(
        bboxes=boxes,
        labels=torch.zeros(num, dtype=torch.int64),
        masks=rows[:, :, None] & columns[:, None],  # (n, h, 1) x (n, 1, w) -> (n, h, w)
    )
    return sample
