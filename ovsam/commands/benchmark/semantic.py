"""Stage `semantic`: memory and time of a semantic segmentor on one image."""

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ovsam.benchmark import provenance
from ovsam.benchmark.memory import (
    peak_bytes,
    peak_resident_bytes,
    peak_tensor_bytes,
    seconds_of,
    weight_bytes,
)
from ovsam.cli import find_config
from ovsam.commands.benchmark.results import report
from ovsam.commands.shared.options import chosen_device, experiment_name
from ovsam.engine.configuration import load_config
from ovsam.engine.precision import run_in
from ovsam.registry import build_model
from ovsam.structures.semantic_sample import SemanticSample
from ovsam.structures.vocabulary import Vocabulary

GB = 1e9


def run(args: argparse.Namespace) -> None:
    """Estimate, measure, print.

    Raises:
        ValueError: a model that is no semantic segmentor, a GPU that is not there, or a results file
            that was changed by hand.
    """
    is_cuda = chosen_device(args.device) == "cuda"
    baseline = peak_resident_bytes()
    path = find_config(args.config)
    config = load_config(path)
    measurement = provenance.Measurement()
    estimate = {}
    if args.precision == "float32":  # autocast knows no meta device
        with torch.device("meta"):
            model = _build(config.model, args.classes)
            tensors = peak_tensor_bytes(_prediction(model, args, "meta"))
        estimate = {"tensors_gb": tensors / GB, "estimated_gb": (weight_bytes(model) + tensors) / GB}
    with torch.device(args.device):
        model = _build(config.model, args.classes)
    run_in(model, args.precision)
    content = {
        "config": experiment_name(path),
        "config_digest": provenance.config_digest(config.to_dict()),
        "classes": args.classes,
        "height": args.size[0],
        "width": args.size[1],
        "device": args.device,
        "precision": args.precision,
        "views_computed": "first" if args.one_view else "all",
        "weights_gb": weight_bytes(model) / GB,
        **estimate,
        **_measure(model, args),
        **({} if is_cuda else {"process_before_gb": baseline / GB}),
    }
    name = content["config"].split("/")[-1]
    size = f"{args.classes}_{args.size[0]}x{args.size[1]}"
    report(content, measurement, args, name, args.device, args.precision, size)


def _build(model_config: Any, num_classes: int) -> nn.Module:
    """The model for any `num_classes` classes whose text features are known."""
    model = build_model(model_config).eval()
    if not hasattr(model, "class_logits"):
        raise ValueError(
            f"{type(model).__name__} is no semantic segmentor: the stage `semantic` measures these"
        )
    model.vocabulary = Vocabulary.from_names([f"class {i}" for i in range(num_classes)])
    model.text_features_from(torch.randn(num_classes, model.backbone.embed_dim))
    return model


def _measure(model: nn.Module, args: argparse.Namespace) -> dict[str, Any]:
    """Gigabytes at the peak, and seconds an image."""
    predict = _prediction(model, args, args.device)
    for _ in range(args.warm_up):
        predict()
    if args.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = [seconds_of(predict, args.device) for _ in range(args.repeats)]
    found: dict[str, Any] = {"measured_gb": peak_bytes(args.device) / GB}
    if args.device == "cuda":
        found["reserved_gb"] = torch.cuda.max_memory_reserved() / GB
    if not args.one_view:
        median = statistics.median(seconds)
        found |= {"seconds_an_image": median, "images_a_second": 1 / median}
        found["images_timed"] = args.repeats
    return found


def _prediction(model: nn.Module, args: argparse.Namespace, device: str) -> Callable[[], Any]:
    """Does one image."""
    size = tuple(args.size)
    image = torch.randn(3, *size, device=device)
    if args.one_view:
        model.class_logits = _first_for_all(model.class_logits)  # type: ignore[assignment]

    def predict() -> Any:
        with torch.no_grad():
            return model([image], [SemanticSample(metainfo=dict(ori_shape=size))], mode="predict")

    return predict


def _first_for_all(class_logits: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """`class_logits` that computes its first views only; all views have logits of their own."""
    known: list[Tensor] = []

    def logits(views: Tensor, texts: Tensor) -> Tensor:
        if not known:
            known.append(class_logits(views, texts))
        return known[0][: len(views)].clone()

    return logits
