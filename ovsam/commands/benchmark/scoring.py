"""Stage `scoring`: regions against a large vocabulary, beside the direct product of all at once."""

import argparse
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.benchmark.memory import peak_tensor_bytes, seconds_of
from ovsam.benchmark.provenance import Measurement
from ovsam.commands.benchmark.results import report
from ovsam.commands.benchmark.turns import curve, in_turn, relative_error
from ovsam.commands.shared.options import chosen_device
from ovsam.ops.class_ranking import bank_logits, first_best, top_classes
from ovsam.ops.scores import fuse_log_scores
from ovsam.structures.class_bank import ClassBank

BEST = 5
CLIP_SHARE = 0.9  # of novel classes, as published


def run(args: argparse.Namespace) -> None:
    """Measure and report. Memory is that of tensors on top of the embeddings."""
    device, measurement = chosen_device(args.device), Measurement()
    content = {
        "device": device,
        "threads": torch.get_num_threads(),
        "precision": "float32",
        "synonyms": args.synonyms,
        "regions": args.regions,
        "width": args.width,
        "peer": "the direct product of all classes at once",
        **curve("classes", args.classes, lambda num: _measure(num, device, args)),
    }
    report(content, measurement, args, args.stage, device)


def _measure(num_classes: int, device: str, args: argparse.Namespace) -> dict[str, Any]:
    """Both sides with random embeddings of `num_classes` classes, and of ours both branches fused."""
    torch.manual_seed(0)
    num_strings = num_classes * args.synonyms
    strings = F.normalize(torch.randn(num_strings, args.width, device=device), dim=1)
    rows = torch.arange(num_strings, device=device).view(num_classes, args.synonyms)
    bank, vectors = ClassBank(strings, rows), torch.randn(args.regions, args.width, device=device)

    def ours() -> tuple[Tensor, Tensor]:
        return top_classes(vectors, bank, BEST)

    def peer() -> tuple[Tensor, Tensor]:
        cosines = F.normalize(vectors, dim=1) @ strings.t()  # (N, D) x (D, C P) -> (N, C P)
        best = cosines.unflatten(1, rows.shape).amax(dim=2).topk(BEST, dim=1)  # (N, C, P) -> (N, C)
        return best.values, best.indices

    def fused() -> tuple[Tensor, Tensor]:
        head, clip = (bank_logits(vectors, bank, 100.0) for _ in range(2))
        share = head.new_full((head.shape[1],), CLIP_SHARE)
        return first_best(fuse_log_scores(head, clip, share)[:, :-1], BEST)

    with torch.no_grad():
        times = in_turn(ours, peer, device, args)
        fused_s = sorted(seconds_of(fused, device) for _ in range(args.repeats))[args.repeats // 2]
        memory = {
            f"{name}_gb": peak_tensor_bytes(work) / 1e9
            for name, work in (("ours", ours), ("peer", peer), ("fused", fused))
        }
        (values, labels), (direct, direct_labels) = ours(), peer()
    return {
        **times,
        "fused_s": fused_s,
        "embeddings_gb": strings.nbytes / 1e9,
        **memory,
        "memory_ratio": memory["ours_gb"] / memory["peer_gb"],
        "relative_error": relative_error(values, direct),
        "same_labels": bool((labels == direct_labels).all()),
    }
