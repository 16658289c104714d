"""Stage `click`: N clicks on an encoded image, beside segment-anything's decoder, one at a time."""

import argparse
from typing import Any

import torch
from segment_anything.modeling import MaskDecoder as SamMaskDecoder
from segment_anything.modeling import PromptEncoder as SamPromptEncoder
from segment_anything.modeling import TwoWayTransformer
from torch import Tensor, nn

from ovsam.benchmark.provenance import Measurement
from ovsam.commands.benchmark.results import compiled_name, report
from ovsam.commands.benchmark.turns import Work, curve, in_turn, memory_ratio, relative_error
from ovsam.commands.shared.options import chosen_device
from ovsam.models.backbones.sam_image import SAM_SPECS
from ovsam.models.decoders.sam_blocks import GRAPH_PROMPTS, MaskDecoder
from ovsam.models.prompt_encoder import PromptEncoder
from ovsam.models.segmentors.base import CHUNK_SIZE
from ovsam.models.segmentors.sam import PromptableSam
from ovsam.ops.compiling import compile_parts
from ovsam.structures.prompts import Prompts


def run(args: argparse.Namespace) -> None:
    """Measure and report; the numbers beside `prompts` are those of most clicks."""
    device, measurement = chosen_device(args.device), Measurement()
    ending = compiled_name(args, device)
    if args.compile and max(args.prompts) > GRAPH_PROMPTS:
        raise ValueError(f"--compile is for up to {GRAPH_PROMPTS} prompts, got {max(args.prompts)}")

    def measure(num: int) -> dict[str, Any]:
        given = (args.architecture, device, num, args.compile)
        ours, peer = (once(side, *given) for side in ("ours", "peer"))
        with torch.no_grad():
            found = {
                **in_turn(ours, peer, device, args),
                "relative_error": relative_error(ours(), peer()),
            }
        found |= memory_ratio(once, *given, device=device)
        return {**found, "milliseconds_a_prompt": 1e3 * found["ours_s"] / num}

    content = {
        "device": device,
        "precision": "float32",
        "architecture": args.architecture,
        "peer": "segment-anything's decoder, one click at a time",
        **curve("prompts", args.prompts, measure),
    }
    report(content, measurement, args, args.stage, args.architecture, device, *ending)


def once(side: str, architecture: str, device: str, num: int, is_compiled: bool) -> Work:
    """Gives the masks of `num` clicks on one embedding, (num, 4h, 4w), as `side` does."""
    spec = SAM_SPECS[architecture]
    channels, grid = spec.out_channels, spec.image_size // spec.patch_size
    torch.manual_seed(0)
    with torch.device(device):
        encoder = PromptEncoder(
            in_channels=channels, image_size=spec.image_size, embedding_size=grid
        ).eval()
        decoder = MaskDecoder(in_channels=channels).eval()
        embedding = torch.randn(1, channels, grid, grid)
        points = torch.rand(num, 1, 2) * spec.image_size
    if side == "peer":
        return _one_at_a_time(encoder, decoder, embedding, points)
    model = PromptableSam(
        image_encoder=nn.Identity(), prompt_encoder=encoder, mask_decoder=decoder
    ).eval()
    if is_compiled:
        compile_parts(model)
    clicks = Prompts.from_points(points.cpu(), "resized").to(torch.device(device))
    return lambda: model.decode(embedding, clicks, CHUNK_SIZE).mask_logits[:, 0]


def _one_at_a_time(
    encoder: PromptEncoder, decoder: MaskDecoder, embedding: Tensor, points: Tensor
) -> Work:
    """segment-anything's own prompt encoder and decoder on the same weights."""
    channels = embedding.shape[1]
    transformer = TwoWayTransformer(depth=2, embedding_dim=channels, num_heads=8, mlp_dim=2048)
    with torch.device(embedding.device):
        peer = SamMaskDecoder(
            transformer_dim=channels, transformer=transformer, iou_head_hidden_dim=channels
        )
    peer.load_state_dict(decoder.state_dict())
    peer = peer.to(embedding.device).eval()
    label = torch.ones(1, 1, dtype=torch.int64, device=embedding.device)

    def decode() -> Tensor:
        masks = []
        for point in points:
            sparse, dense = SamPromptEncoder.forward(
                encoder, points=(point[None], label), boxes=None, masks=None
            )
            found, _ = peer(
                image_embeddings=embedding,
                image_pe=encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=False,
            )
            masks.append(found[:, 0])
        return torch.cat(masks)

    return decode
