"""Stage `evaluate`: images to metrics as `ovsam test` does it, beside a plain loop over the same."""

import argparse
import contextlib
import copy
import io
import multiprocessing
import os
import socket
import statistics
import tempfile
from concurrent.futures import FIRST_EXCEPTION, wait
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine import dist
from mmengine.config import Config
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO

from ovsam.benchmark.complexity import fast_paths
from ovsam.benchmark.provenance import Measurement
from ovsam.cli import find_config
from ovsam.commands.benchmark.results import report
from ovsam.commands.benchmark.stopwatch import Stopwatch
from ovsam.commands.benchmark.turns import in_turn
from ovsam.commands.shared.options import chosen_device, prepare_config
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.engine.evaluation import evaluate_prompts
from ovsam.engine.runner import Runner
from ovsam.models.segmentors.base import PromptSegmentor, drawn_masks
from ovsam.processes import worker_pool
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample

CONFIG = "mini/image_crop"  # SAM and CLIP side by side: what the peers' packages make together
PEER = "segment-anything's and open_clip's code in a loop, one image and one box at a time, pycocotools"
METRICS = ("iou", "accuracy")


def run(args: argparse.Namespace) -> None:
    """Measure and report; `shares` are those of our time, `error` is in percent points.

    Raises:
        ValueError: asked for the CPU where `ovsam test` takes the GPU, or for more processes than GPUs.
    """
    device, measurement = chosen_device(args.device), Measurement()
    gpus = torch.cuda.device_count() if device == "cuda" else None
    if gpus is not None and max(args.processes, default=0) > gpus:
        raise ValueError(f"--processes: a GPU takes one process, there are {gpus}; ask for fewer")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        write_shapes(data, ShapesPlan(train=1, val=1, test=args.images, distill=1))
        config = _config(Path(folder, "run"), data)
        runner = Runner.from_config(config)
        model = runner.bare_model.eval()
        if next(model.parameters()).device.type != device:
            raise ValueError("`ovsam test` runs on the GPU: hide it to measure the CPU")
        model.classifier.embeddings  # noqa: B018 (made once for a vocabulary, before an image is tested)
        found: dict[str, dict[str, float]] = {}
        seconds: list[dict[str, float]] = []

        def ours() -> None:
            found["ours"], shares = _tested(runner, config)
            seconds.append(shares)

        def peer() -> None:
            with torch.no_grad(), fast_paths(model, False):
                found["peer"] = _looped(model, data)

        with contextlib.redirect_stdout(io.StringIO()):  # of pycocotools and the runner
            times = in_turn(ours, peer, device, args)
        processes = {str(num): _on_processes(num, data, args) for num in args.processes}
    timed = seconds[-args.repeats :]
    whole = sum(one["whole"] for one in timed)
    parts = {name: sum(one[name] for one in timed) / whole for name in ("model", "metric")}
    content = {
        "device": device,
        "config": CONFIG,
        "images": args.images,
        "peer": PEER,
        **times,
        "images_a_second": args.images / times["ours_s"],
        "peer_images_a_second": args.images / times["peer_s"],
        "shares": {"data": 1 - sum(parts.values()), **parts},
        "metrics": found["ours"],
        "error": max(abs(found["ours"][name] - found["peer"][name]) for name in METRICS),
        **({"processes": processes} if processes else {}),
    }
    report(content, measurement, args, args.stage, device)


def _on_processes(number: int, data: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Our test of the same pictures on processes that share the cores or have a GPU each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with worker_pool(number) as pool:
        threads = max(1, torch.get_num_threads() // number)
        jobs = [pool.submit(_one_of, rank, number, port, threads, data, args) for rank in range(number)]
        done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
        if len(done) < len(jobs):  # one failed, for which the others would wait
            for worker in multiprocessing.active_children():
                worker.terminate()
        for job in done:
            job.result()
        first = jobs[0].result()
    return {**first, "images_a_second": args.images / first["ours_s"]}


def _one_of(
    rank: int, number: int, port: int, threads: int, data: Path, args: argparse.Namespace
) -> dict[str, Any]:
    """What one of `number` processes measures, as torchrun would have started it."""
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": number, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in places.items()}, MASTER_ADDR="127.0.0.1")
    torch.set_num_threads(threads)
    seconds = []
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        config = _config(Path(folder), data, launcher="pytorch")
        runner = Runner.from_config(config)
        runner.bare_model.eval().classifier.embeddings  # noqa: B018 (made once)
        for _ in range(args.warm_up + args.repeats):
            dist.barrier()
            metrics, shares = _tested(runner, config)
            seconds.append(shares["whole"])
    return {
        "processes": dist.get_world_size(),
        "ours_s": statistics.median(seconds[args.warm_up :]),
        "metrics": metrics,
    }


def _config(work_dir: Path, data: Path, launcher: str = "none") -> Config:
    """The config as `ovsam test` prepares it, silent."""
    given = {"config": find_config(CONFIG), "work_dir": work_dir, "launcher": launcher, "seed": 0}
    config = prepare_config(argparse.Namespace(**given, cfg_options={}))
    config.test_dataloader.dataset.data_root = str(data)
    config.log_level = "ERROR"
    return config


def _tested(runner: Runner, config: Config) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of our test, and its seconds: the `whole`, `model` and `metric`."""
    watch = Stopwatch()
    build, model = runner.build_evaluator, runner.bare_model

    def build_timed(judge: Any) -> Any:
        evaluator = build(judge)
        for metric in evaluator.metrics:
            metric.process, metric.evaluate = (
                watch.timed("metric", function) for function in (metric.process, metric.evaluate)
            )
        return evaluator

    runner.build_evaluator, model.test_step = build_timed, watch.timed("model", model.test_step)
    try:
        evaluate = watch.timed("whole", evaluate_prompts)
        metrics, _ = evaluate(runner, {"": copy.deepcopy(config)}, ["box"])[""]["box"]
    finally:
        del runner.build_evaluator, model.test_step  # the class's own again
    return {name: metrics[name] for name in METRICS}, watch.seconds


def _looped(model: PromptSegmentor, data: Path) -> dict[str, float]:
    """Metrics of the test images of `data`, in percent, by a plain loop; they fit the model's input."""
    vocabulary, preprocessor = model.classifier.vocabulary, model.data_preprocessor
    known = COCO(str(data / "annotations" / "instances_test.json"))
    ious, hits = [], []
    for image in known.loadImgs(known.getImgIds()):
        pixels = cv2.cvtColor(
            cv2.imread(str(data / "images" / "test" / image["file_name"])), cv2.COLOR_BGR2RGB
        )
        features = model.encode(preprocessor.normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None]))
        for annotation in known.loadAnns(known.getAnnIds(image["id"])):
            (category,) = known.loadCats(annotation["category_id"])
            label = vocabulary.names.index(category["name"])
            if label not in vocabulary.evaluated:
                continue
            sample = _boxed(annotation["bbox"], pixels.shape[:2])
            masks = model.predict_masks(features, [sample])
            (mask,) = drawn_masks([sample], masks, preprocessor.size)[0].cpu().numpy()
            scores = model.name_masks(features, [sample], masks).class_logits[0, :-1]
            code = run_lengths.encode(np.asfortranarray(mask))
            ious.append(run_lengths.iou([code], [known.annToRLE(annotation)], [0])[0, 0])
            hits.append(int(scores.argmax()) == label)
    return {"iou": 100 * float(np.mean(ious)), "accuracy": 100 * float(np.mean(hits))}


def _boxed(box: list[float], shape: tuple[int, int]) -> PromptSample:
    """One prompt, a box xywh px of an image (h, w) px that is not resized."""
    left, top, width, height = box
    sample = PromptSample(metainfo={"img_shape": shape, "ori_shape": shape})
    corners = torch.tensor([[left, top, left + width, top + height]])
    sample.prompts = Prompts.from_boxes(corners, "resized")
    return sample
