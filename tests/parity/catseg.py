"""Runs one numeric fixture of CAT-Seg's reference implementation through this project.

Called by `run.py` for state dicts with CAT-Seg's names. What is run follows from the inputs:
`sem_seg` = training step, `class_scores` = cap on the classes, `crop_logits24` = views of an image,
`visual_dense` = dense CLIP, `cost` = aggregator and decoder from the stored features of
`clip_dense.npz` beside the inputs. Class names come from `<inputs>_expected.json` beside them.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.ops.windows import SlidingViews, WholeView
from ovsam.structures.vocabulary import Vocabulary
from ovsam.weights import load_strict
from ovsam.weights.conversion_catseg import catseg_name, convert_catseg

NUM_PROBES = 16
LONG_PROBES = 64  # of the main tensors


def is_catseg(names: Mapping[str, object]) -> bool:
    """Whether a state dict has CAT-Seg's names."""
    return any(name.startswith("sem_seg_head.") for name in names)


def overridden(weights: Mapping[str, Tensor], factors_file: Path) -> dict[str, Tensor]:
    """Weights with some multiplied by the factors of a JSON file."""
    factors = json.loads(factors_file.read_text())
    return {name: tensor * factors.get(name, 1) for name, tensor in weights.items()}


def load(model: nn.Module, reference_weights: Mapping[str, Tensor]) -> nn.Module:
    """Reference weights through the converter that reads released checkpoints, strictly."""
    load_strict(model, convert_catseg(reference_weights), origin="the converted state dict")
    return model.eval()


def run_fixture(
    model: nn.Module, reference_weights: Mapping[str, Tensor], inputs_file: Path
) -> dict[str, np.ndarray]:
    """Outputs of one fixture, by the fixtures' names; `stage/<name>` = mean, std, absmax and probes."""
    load(model, reference_weights)
    inputs = dict(np.load(inputs_file))
    expected = inputs_file.with_name(inputs_file.stem + "_expected.json")
    details = json.loads(expected.read_text())
    clip_details = json.loads(inputs_file.with_name("clip_dense_expected.json").read_text())
    classes = details.get("classes", clip_details["classes"])  # the decoder's fixture has CLIP's classes
    model.vocabulary = Vocabulary.from_names([name.split(", ")[0] for name in classes], name="fixture")
    if "sem_seg" in inputs:
        return _training_step(model, inputs, reference_weights)
    if "class_scores" in inputs:
        images = np.load(inputs_file.with_name("train_step.npz"))["images"]
        return _class_cap(model, inputs, images)
    if "crop_logits24" in inputs:
        return _views(model, inputs["image"])
    if "visual_dense" in inputs:
        return _dense_clip(model, inputs["image"], details)
    return _aggregator(model, dict(np.load(inputs_file.with_name("clip_dense.npz"))))


@torch.no_grad()
def _dense_clip(model: nn.Module, image: np.ndarray, details: dict) -> dict[str, np.ndarray]:
    with _watched(model) as stages:
        features = model.backbone(model.data_preprocessor.normalise(torch.from_numpy(image))[None])
    names = [model.template.format(name) for name in model.vocabulary.names]
    with _watched(model) as text_stages:  # the fixture's stages are those of the classes alone
        model.backbone.encode_text(names)
    texts = model.backbone.encode_text(names + details["extra_texts"])
    return {
        "visual_dense": features.tokens[0].numpy(),
        "tap3": features.tap_tokens[0][0].numpy(),
        "tap7": features.tap_tokens[1][0].numpy(),
        "text_raw": texts.numpy(),
        "pos_embed_first8": model.backbone.positions()[:, :8].detach().numpy(),
        **_statistics({**stages, **text_stages, "visual.dense": features.tokens, "text.raw_all": texts}),
    }


@torch.no_grad()
def _aggregator(model: nn.Module, clip: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    def as_map(name: str) -> Tensor:
        return torch.from_numpy(clip[name].astype(np.float32))[1:].t().reshape(1, -1, 24, 24)

    texts = F.normalize(torch.from_numpy(clip["text_raw"][:12]), dim=-1)
    parts = (as_map("visual_dense"), [as_map("tap3"), as_map("tap7")], texts)
    with _watched(model) as stages:
        logits = model.decode(*parts)
    model.aggregator.test_pooling = 2
    pooled = model.decode(*parts)
    model.aggregator.test_pooling = 1
    return {
        "logits": logits[0].numpy(),
        "logits_pool2_stride2": pooled[0, :, ::2, ::2].numpy(),
        "layer0_out_c0": stages["layers.0.attention"][0, 0].numpy(),
        "agg_out_c0_5_11": stages["layers.1.attention"][0, [0, 5, 11]].numpy(),
        **_statistics({**stages, "logits": logits}),
    }


def _training_step(
    model: nn.Module, inputs: Mapping[str, np.ndarray], reference_weights: Mapping[str, Tensor]
) -> dict[str, np.ndarray]:
    model.train()
    images = torch.stack(
        [model.data_preprocessor.normalise(i) for i in torch.from_numpy(inputs["images"])]
    )
    samples = [_Sample(gt_sem_seg=labels) for labels in torch.from_numpy(inputs["sem_seg"])]
    with _watched(model) as stages:
        loss = model(images, samples, mode="loss")["loss_seg"]
    loss.backward()
    parameters = dict(model.named_parameters())
    outputs = {"loss": np.array(loss.item())}
    for name in reference_weights:
        parameter = parameters[catseg_name(name)]
        if parameter.requires_grad:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            outputs[f"grad/{name}"] = gradient.reshape(reference_weights[name].shape).numpy()
    outputs["logits_stride2"] = stages["logits"].detach()[:, :, ::2, ::2].numpy()
    return outputs | _statistics(stages)


@torch.no_grad()
def _class_cap(
    model: nn.Module, inputs: Mapping[str, np.ndarray], images: np.ndarray
) -> dict[str, np.ndarray]:
    texts = F.normalize(
        model.backbone.encode_token_ids(torch.from_numpy(inputs["tokens"]).long()), dim=-1
    )
    batch = torch.stack([model.data_preprocessor.normalise(i) for i in torch.from_numpy(images)])
    logits = model.class_logits(batch, texts)
    flat = logits.flatten(2)
    shown = logits[:, torch.from_numpy(inputs["shown_classes"]).long(), ::2, ::2]
    return {
        "kept": (flat != -100).any(dim=2).numpy(),
        "logits_mean": flat.mean(dim=2).numpy(),
        "logits_std": flat.std(dim=2, correction=0).numpy(),
        "logits_shown_stride2": shown.numpy(),
    }


@torch.no_grad()
def _views(model: nn.Module, image: np.ndarray) -> dict[str, np.ndarray]:
    size = image.shape[1:]
    shorter = Image.fromarray(image.transpose(1, 2, 0)).resize((853, 640), Image.Resampling.BILINEAR)
    enlarged = np.asarray(shorter).transpose(2, 0, 1)
    outputs: dict[str, np.ndarray] = {}
    for suffix, picture, views in (
        ("", image, SlidingViews()),
        ("_shortest640", enlarged, SlidingViews()),
        ("_whole", image, WholeView()),
    ):
        model.views = views
        pixels = model.data_preprocessor.normalise(torch.from_numpy(np.ascontiguousarray(picture)))
        labels, _ = model.label_map(pixels, size)
        probs = model.class_probs(pixels, size)
        outputs[f"prob64{suffix}"] = F.adaptive_avg_pool2d(probs, 64).numpy()
        if suffix:
            outputs[f"argmax{suffix}_stride5"] = labels[::5, ::5].numpy()
        else:
            outputs["argmax"] = labels.numpy()
            crops = model.predict_logits(views.split(pixels))
            outputs["crop_logits24"] = F.avg_pool2d(crops, 4).numpy()
    return outputs


class _Sample(SimpleNamespace):
    """The fields of a data sample that training reads."""

    def get(self, name: str, default: object = None) -> object:
        return getattr(self, name, default)


class _watched:
    """Collects the outputs of modules under the fixtures' names; the published arithmetic is run."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.stages: dict[str, Tensor] = {}
        self.handles: list = []
        self.fast = [module for module in model.modules() if getattr(module, "is_fast", False)]

    def __enter__(self) -> dict[str, Tensor]:
        for module in self.fast:
            module.is_fast = False  # so that the stages hold the padding, as the fixtures do
        for name, (module, arrange) in _stage_modules(self.model).items():
            self.handles.append(module.register_forward_hook(self._hook(name, arrange)))
        return self.stages

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()
        for module in self.fast:
            module.is_fast = True

    def _hook(self, name: str, arrange: Callable[[Tensor], Tensor]) -> Callable[..., None]:
        def keep(module: nn.Module, arguments: tuple, output: Tensor) -> None:
            self.stages[name] = arrange(output)

        return keep


def _stage_modules(model: nn.Module) -> dict[str, tuple[nn.Module, Callable[[Tensor], Tensor]]]:
    """Fixture's name -> module and how its output is brought to the fixture's layout."""
    classes = len(model.vocabulary)

    def same(output: Tensor) -> Tensor:
        return output

    def by_class(output: Tensor) -> Tensor:  # (B T, ...) -> (B, T, ...)
        return output.unflatten(0, (-1, classes))

    clip, aggregator, decoder = model.backbone, model.aggregator, model.decoder
    found = {
        "visual.patch_embed": (clip.visual.conv1, lambda o: o.flatten(2).transpose(1, 2)),
        "visual.ln_pre": (clip.visual.ln_pre, same),
        "visual.ln_post": (clip.visual.ln_post, same),
        "text.ln_final": (clip.text.ln_final, same),
        "upsample1": (decoder.tap_upsamplers[0], same),
        "upsample2": (decoder.tap_upsamplers[1], same),
        "conv1": (model.cost_embedding.projection, by_class),
        "guidance_projection": (aggregator.image_guidance, same),
        "decoder_guidance_projection.0": (decoder.guidance[0], same),
        "decoder_guidance_projection.1": (decoder.guidance[1], same),
        "logits": (decoder, same),
    }
    for i, block in enumerate(clip.visual.transformer.resblocks[:-1]):
        found[f"visual.block{i}"] = (block, same)
    for i, block in enumerate(clip.text.transformer.resblocks):
        found[f"text.block{i}"] = (block, same)
    for i, layer in enumerate(aggregator.layers):
        name = f"layers.{i}.swin_block"
        found[f"{name}.guidance_norm"] = (
            layer.windows.guidance_norm,
            lambda o: o.flatten(1, 2)[:, None].expand(-1, classes, -1, -1),
        )
        for j, block in enumerate(layer.windows.blocks, start=1):
            found[f"{name}.block_{j}.attn"] = (block.projection, by_class)
            found[f"{name}.block_{j}"] = (block, lambda o: by_class(o).flatten(2, 3))
        found[f"layers.{i}.attention.norm1"] = (layer.classes.norm1, same)
        found[f"layers.{i}.attention.MLP"] = (layer.classes.mlp, same)
        found[f"layers.{i}.attention"] = (layer, same)
    for i, stage in enumerate(decoder.stages, start=1):
        found[f"decoder{i}.up"] = (stage.up, by_class)
        found[f"decoder{i}"] = (stage, by_class)
    return found


def _statistics(stages: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    found = {}
    for name, tensor in stages.items():
        flat = tensor.detach().double().flatten()
        summary = [flat.mean(), flat.std(correction=0), flat.abs().max()]
        found[f"stage/{name}"] = torch.stack(summary).numpy()
        found[f"stage_shape/{name}"] = np.array(tensor.shape)
        for count in (NUM_PROBES, LONG_PROBES):
            places = ((torch.arange(count) + 0.5) * len(flat) / count).long()
            found[f"stage_probe{count}/{name}"] = flat[places].numpy()
    return found
