"""How far every fixture of Open-Vocabulary SAM is from the reference, on a device, in every precision.

    python -m tests.parity.errors                    # the GPU where there is one, else the CPU

Writes configs/parity/errors_cpu.json or errors_gpu.json, which the table of configs/parity/README.md is
made from. The fixtures hold what the reference computed on a CPU in float32.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import write_signed
from ovsam.cli import configs_folder
from tests.parity import recipe
from tests.parity.run import run_fixture

FIXTURES = Path(__file__).with_name("fixtures")
PREDICTIONS = ("ovsam_box", "ovsam_point_genbox")
TRAININGS = ("clip2sam", "sam2clip")
ABSOLUTE = (
    "image_embedding",
    "sparse_embeddings",
    "low_res_mask_logits",
    "head_class_logits",
    "fused_class_logits",
)
NOISE = 1e-6  # a gradient norm below is 0 in exact arithmetic
PRECISIONS = {
    "cpu": ("float32", "bfloat16"),
    "cuda": ("float32", "tf32", "bfloat16", "float16"),
}


def prediction_errors(fixture: str, device: str, precision: str) -> dict[str, float]:
    """Errors of one fixture that predicts.

    Returns:
        Largest absolute error of each array of `ABSOLUTE`; `max_<array>` = largest absolute value of the
        reference's; in percent `labels` that differ, and `masks`: pixels that differ.
    """
    config = Config.fromfile(str(configs_folder() / "parity/ovsam_rn50_256.py"))
    with np.load(FIXTURES / f"{fixture}.npz") as arrays:
        expected = dict(arrays)
    weights = recipe.fill_state_dict(str(FIXTURES / "ovsam_rn50_256_keys.json"))
    found = run_fixture(config, weights, expected, device, precision)
    errors = {name: float(np.abs(found[name] - expected[name]).max()) for name in ABSOLUTE}
    errors |= {f"max_{name}": float(np.abs(expected[name]).max()) for name in ABSOLUTE}
    errors["labels"] = 100 * float((found["labels"] != expected["labels"]).mean())
    masks, reference = (np.unpackbits(arrays["masks"], axis=-1) for arrays in (found, expected))
    errors["masks"] = 100 * float((masks != reference).sum()) / float(np.prod(expected["masks_shape"]))
    return errors


def training_errors(fixture: str, device: str, precision: str) -> dict[str, float]:
    """Errors of one fixture that trains a step, relative, largest of all losses and gradient norms."""
    config = Config.fromfile(str(configs_folder() / f"parity/{fixture}_rn50_256.py"))
    weights = recipe.fill_state_dict(str(FIXTURES / f"{fixture}_rn50_256_keys.json"))
    with np.load(FIXTURES / f"{fixture}_inputs.npz") as inputs:
        found = run_fixture(config, weights, inputs, device, precision)
    expected = json.loads((FIXTURES / f"{fixture}_expected.json").read_text())
    losses = _relative(found, expected["losses"], "loss")
    norms = _relative(found, expected["grad_norms"], "grad_norm")
    return {
        "losses": max(losses),
        "gradient_norms": max(norms),
        "gradient_norms_median": float(np.median(norms)),
    }


def _relative(found: Mapping[str, Any], expected: Mapping[str, float], kind: str) -> list[float]:
    return [
        abs(float(found[f"{kind}/{name}"]) - value) / abs(value)
        for name, value in expected.items()
        if abs(value) > NOISE
    ]


def all_errors(device: str, precisions: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Precision -> fixture -> errors."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for precision in precisions:
        found[precision] = {}
        for fixture in (*PREDICTIONS, *TRAININGS):
            measure = prediction_errors if fixture in PREDICTIONS else training_errors
            found[precision][fixture] = measure(fixture, device, precision)
            print(precision, fixture, found[precision][fixture], flush=True)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=tuple(PRECISIONS), default=default)
    parser.add_argument("--precisions", nargs="+", help="default: all that make sense on the device")
    parser.add_argument("--output", type=Path, help="default: configs/parity/errors_<cpu or gpu>.json")
    args = parser.parse_args(arguments)
    measurement = provenance.Measurement()
    content: dict[str, Any] = {
        "errors": all_errors(args.device, args.precisions or PRECISIONS[args.device])
    }
    content["provenance"] = measurement.origin()
    content["provenance"]["device"] = (
        torch.cuda.get_device_name(0) if args.device == "cuda" else "cpu"
    )  # where it ran, not what the machine has
    kind = "gpu" if args.device == "cuda" else "cpu"
    output = args.output or configs_folder() / f"parity/errors_{kind}.json"
    write_signed(content, output)
    print(f"wrote {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
