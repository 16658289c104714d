"""Runs one numeric fixture of the reference implementation through this project.

    python tests/parity/run.py CONFIG KEYS.json INPUTS.npz OUT.npz [--overrides FACTORS.json]
        [--device cuda] [--precision bfloat16] [--cfg-options ...]

The state dict with the reference's names is filled by the fixtures' recipe, converted by
`ovsam.weights.conversion`, loaded strictly and run; arrays are written under the fixtures' names. The
mode follows from the inputs: `teacher_features` = distillation step, `sample_points` = training step of
CLIP2SAM, else prediction. `prompt` and `roi_box` in the inputs override the config. State dicts with
CAT-Seg's names are run by `catseg.py` beside this file, on the CPU in float32. How far the outputs are
from the reference's on a device, in every precision: `errors.py` beside this file.
"""

import argparse
import contextlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.structures import InstanceData
from torch import Tensor, nn

from ovsam.registry import build_model
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample
from ovsam.structures.vocabulary import Vocabulary
from ovsam.weights import load_strict
from ovsam.weights.conversion import convert_ovsam, ovsam_name

Arrays = Mapping[str, np.ndarray]
#: `float32` forbids TensorFloat-32; `tf32` allows it everywhere; the others are autocast.
PRECISIONS = ("float32", "tf32", "bfloat16", "float16")


@contextlib.contextmanager
def computing_in(precision: str, device: str) -> Iterator[None]:
    """Arithmetic of all that runs inside.

    Args:
        precision: one of `PRECISIONS`; `tf32` is as `float32` on devices that have none.
        device: where it runs, such as `cuda:0`.
    """
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    half = precision in ("bfloat16", "float16")
    try:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        if half:
            with torch.autocast(torch.device(device).type, dtype=getattr(torch, precision)):
                yield
        else:
            yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def run_fixture(
    config: Config,
    reference_weights: Mapping[str, Tensor],
    inputs: Arrays,
    device: str = "cpu",
    precision: str = "float32",
) -> dict[str, np.ndarray]:
    """Outputs of one fixture, by the fixtures' names, in float32 whatever computed them.

    Args:
        config: of `configs/parity`, or of the same form.
        reference_weights: state dict with the reference's names.
        inputs: arrays of the fixture.
        device: where to run.
        precision: one of `PRECISIONS`.
    """
    arrays = {name: inputs[name] for name in inputs}
    config = _overridden(config, arrays)
    model = build_model(config.model)
    if "class_embeddings" in arrays:
        model.classifier.embeddings_from(torch.from_numpy(arrays["class_embeddings"]))
    converted = convert_ovsam(reference_weights)
    load_strict(model, converted, origin="the converted state dict")
    model.to(device)
    with computing_in(precision, device):
        if "teacher_features" in arrays:
            return _distillation_step(model, arrays, reference_weights)
        if "sample_points" in arrays:
            return _training_step(model, arrays, reference_weights)
        return _prediction(model.eval(), arrays)


def _overridden(config: Config, arrays: Arrays) -> Config:
    if "roi_box" in arrays:
        config.model.roi_box = str(arrays["roi_box"])
    if "class_embeddings" in arrays:
        num_classes = len(arrays["class_embeddings"])
        base = arrays["base_classes"].tolist() if "base_classes" in arrays else range(num_classes)
        novel = arrays["novel_classes"].tolist() if "novel_classes" in arrays else ()
        config.model.classifier.vocabulary = Vocabulary(
            name="fixture",
            classes=tuple((f"class {label}",) for label in range(num_classes)),
            base=frozenset(base),
            novel=frozenset(novel),
        )
    return config


def _prediction(model: nn.Module, arrays: Arrays) -> dict[str, np.ndarray]:
    device = model.data_preprocessor.mean.device
    image = torch.from_numpy(arrays["image"]).to(device)
    boxes = torch.from_numpy(arrays["boxes"])
    sample = PromptSample(
        metainfo={
            "img_id": 0,
            "img_shape": tuple(arrays["img_shape"].tolist()),
            "ori_shape": tuple(arrays["ori_shape"].tolist()),
            # 1: the fixtures' boxes are those that the reference reads, in whatever frame.
            "scale_factor": (1.0, 1.0),
        }
    )
    if str(arrays["prompt"]) == "point":
        sample.prompts = Prompts.from_points(torch.from_numpy(arrays["points"]), "resized")
    else:
        sample.prompts = Prompts.from_boxes(boxes, "resized")
    sample.gt_instances = InstanceData(bboxes=boxes)
    with torch.no_grad():
        feature_maps = model.backbone(image)
        raw = model(image, [sample], mode="tensor")
        (predicted,) = model(image, [sample], mode="predict")
        outputs = {
            "image_embedding": model.neck(feature_maps),
            "sparse_embeddings": model.prompt_encoder(sample.prompts.to(device))[0],
            "low_res_mask_logits": raw.mask_logits[:, None],
            "head_class_logits": raw.head_logits[:, None],
            "fused_class_logits": raw.class_logits[:, None],
            "labels": predicted.pred_instances.labels,
        }
        outputs |= _statistics("backbone_feature", feature_maps)
        outputs |= _statistics("fpn_feature", model.pyramid(feature_maps))
    masks = predicted.pred_instances.masks.cpu().numpy()
    found = {
        name: (value.float() if value.dtype in (torch.bfloat16, torch.float16) else value).cpu().numpy()
        for name, value in outputs.items()
    }
    return found | {"masks": np.packbits(masks, axis=-1), "masks_shape": np.array(masks.shape)}


def _statistics(name: str, maps: list[Tensor]) -> dict[str, Tensor]:
    return {
        f"{name}_{level}_mean_std": torch.stack([m.double().mean(), m.double().std(correction=0)])
        for level, m in enumerate(maps)
    }


def _training_step(
    model: nn.Module, arrays: Arrays, reference_weights: Mapping[str, Tensor]
) -> dict[str, np.ndarray]:
    model.train()
    image = torch.from_numpy(arrays["image"])
    side = image.shape[-1]
    samples = []
    for index in range(len(image)):
        boxes = torch.from_numpy(arrays[f"boxes_{index}"])
        points = torch.from_numpy(arrays[f"points_{index}"])
        is_point = arrays[f"prompt_is_point_{index}"].astype(bool)
        rows = [
            Prompts.from_points(points[i : i + 1], "resized")
            if is_point[i]
            else Prompts.from_boxes(boxes[i : i + 1], "resized")
            for i in range(len(boxes))
        ]
        masks = np.unpackbits(arrays[f"masks_{index}"], axis=-1, count=side).astype(bool)
        sample = PromptSample(metainfo={"img_id": index, "img_shape": (side, side), "sample_seed": 0})
        sample.prompts = Prompts.concatenate(rows)
        sample.gt_instances = InstanceData(
            bboxes=boxes,
            labels=torch.from_numpy(arrays[f"labels_{index}"]),
            masks=torch.from_numpy(masks),
        )
        samples.append(sample)
    device = model.data_preprocessor.mean.device
    points = torch.from_numpy(arrays["sample_points"]).to(device)
    model.mask_loss.choose_points = lambda *_: points  # the fixture's points, not random ones
    losses = model(image.to(device), samples, mode="loss")
    return _gradients(model, losses, reference_weights)


def _distillation_step(
    model: nn.Module, arrays: Arrays, reference_weights: Mapping[str, Tensor]
) -> dict[str, np.ndarray]:
    model.train()
    device = model.data_preprocessor.mean.device
    samples = []
    for features in torch.from_numpy(arrays["teacher_features"]):
        sample = PromptSample()
        sample.teacher_features = features
        samples.append(sample)
    losses = model(torch.from_numpy(arrays["image"]).to(device), samples, mode="loss")
    return _gradients(model, losses, reference_weights)


def _gradients(
    model: nn.Module, losses: dict[str, Tensor], reference_weights: Mapping[str, Tensor]
) -> dict[str, np.ndarray]:
    """Losses and gradient norms; 0 for a parameter that ours lacks."""
    sum(losses.values()).backward()
    parameters = dict(model.named_parameters())
    buffers = {name for name, _ in model.named_buffers()}
    outputs = {f"loss/{name}": np.array(value.item()) for name, value in losses.items()}
    for name in reference_weights:
        ours = ovsam_name(name)
        if ours in buffers or (ours in parameters and not parameters[ours].requires_grad):
            continue
        gradient = parameters[ours].grad if ours in parameters else None
        outputs[f"grad_norm/{name}"] = np.array(0.0 if gradient is None else gradient.norm().item())
    return outputs


def load_recipe(path: Path) -> Any:
    """A module beside this file, such as the recipe that fills state dicts."""
    if not path.is_file():
        raise SystemExit(f"no recipe at {path}: give --recipe")
    spec = importlib.util.spec_from_file_location(f"parity_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("keys", type=Path)
    parser.add_argument("inputs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", type=Path, default=Path(__file__).with_name("recipe.py"))
    parser.add_argument("--overrides", type=Path, help="JSON: name of a tensor -> factor of its values")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, default={})
    args = parser.parse_args(arguments)
    config = Config.fromfile(str(args.config))
    config.merge_from_dict(args.cfg_options)
    weights = load_recipe(args.recipe).fill_state_dict(str(args.keys))
    catseg = load_recipe(Path(__file__).with_name("catseg.py"))
    if args.overrides is not None:
        weights = catseg.overridden(weights, args.overrides)
    if catseg.is_catseg(weights):
        if (args.device, args.precision) != ("cpu", "float32"):
            parser.error("fixtures of CAT-Seg run on the CPU in float32 only")
        np.savez(args.out, **catseg.run_fixture(build_model(config.model), weights, args.inputs))
        return 0
    with np.load(args.inputs) as inputs:
        outputs = run_fixture(config, weights, inputs, args.device, args.precision)
    np.savez(args.out, **outputs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
