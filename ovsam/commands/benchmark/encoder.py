"""Stage `encoder`: SAM's image encoder beside segment-anything's own code on the same weights."""

import argparse
from functools import partial
from typing import Any

import torch
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn

from ovsam.benchmark.complexity import measure
from ovsam.benchmark.provenance import Measurement
from ovsam.commands.benchmark.results import compiled_name, report
from ovsam.commands.benchmark.turns import Work, curve, in_turn, memory_ratio, relative_error
from ovsam.commands.shared.options import chosen_device
from ovsam.models.backbones.sam_image import SAM_SPECS, SamImageEncoder
from ovsam.ops.compiling import compile_parts

#: FLOP a second of one H100 in bfloat16, a large matrix product measured there: the floor.
GPU_FLOPS = 800e12


def run(args: argparse.Namespace) -> None:
    """Measure and report; the numbers beside `sizes` are those of the largest picture."""
    device, measurement = chosen_device(args.device), Measurement()
    names = [args.stage, args.architecture, *(["two_blocks"] if args.two_blocks else [])]
    names += [device, args.precision, *compiled_name(args, device)]
    numbers = {"depth": 2, "global_attn_indexes": (1,)} if args.two_blocks else {}
    model = {"architecture": args.architecture, **numbers}
    sizes = args.sizes or (SAM_SPECS[args.architecture].image_size,)
    found = curve("sizes", sizes, lambda size: _measure({**model, "image_size": size}, device, args))
    described: dict[str, Any] = {"device": device, "precision": args.precision, **model}
    content = {**described, "peer": "segment-anything, eager", **found}
    report(content, measurement, args, *names)


def _measure(model: dict[str, Any], device: str, args: argparse.Namespace) -> dict[str, Any]:
    """Both sides, in turn, and how far from float32 they are; then ours beside the peer in float32."""
    encoder, images = _encoder(model, device, args.compile)
    ours, peer = (_work(side, encoder, images, args.precision) for side in ("ours", "peer"))
    with torch.no_grad():
        exact = ImageEncoderViT.forward(encoder, images)
        found: dict[str, Any] = {
            **in_turn(ours, peer, device, args),
            **memory_ratio(once, model, device, args.precision, args.compile, device=device),
            "relative_error": relative_error(ours(), exact),
            "peer_error": relative_error(peer(), exact),
        }
        if args.precision != "float32":
            plain = _work("peer", encoder, images, "float32")
            found["beside_float32"] = in_turn(ours, plain, device, args)
        if device == "cuda":
            macs = measure(encoder, 1, partial(encoder, images)).macs
            floor = 2 * macs / GPU_FLOPS
            found |= {"floor_s": floor, "part_of_floor": floor / found["ours_s"]}
    return found


def once(side: str, model: dict[str, Any], device: str, precision: str, is_compiled: bool) -> Work:
    """Encodes one image as `side` does."""
    return _work(side, *_encoder(model, device, is_compiled), precision)


def _work(side: str, encoder: SamImageEncoder, images: Tensor, precision: str) -> Work:
    forward = encoder.forward if side == "ours" else partial(ImageEncoderViT.forward, encoder)

    def encode() -> Tensor:
        dtype = None if precision == "float32" else getattr(torch, precision)
        with torch.autocast(images.device.type, dtype=dtype, enabled=dtype is not None):
            return forward(images)

    return encode


def _encoder(model: dict[str, Any], device: str, is_compiled: bool) -> tuple[SamImageEncoder, Tensor]:
    """The same random encoder and image (1, 3, S, S) at every call; its positions are not zero."""
    torch.manual_seed(0)
    with torch.device(device):
        encoder = SamImageEncoder(**model).eval()
        for name, parameter in encoder.named_parameters():
            if "rel_pos" in name:
                nn.init.normal_(parameter, std=0.1)
        if is_compiled:
            compile_parts(encoder)
        return encoder, torch.randn(1, 3, encoder.image_size, encoder.image_size)
