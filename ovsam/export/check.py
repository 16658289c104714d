"""Compares the exported files with the model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ovsam.export.parts import (
    DECODER,
    DECODER_INPUTS,
    DECODER_OUTPUTS,
    ENCODER,
    ExportableDecoder,
    ExportableEncoder,
    ExportError,
)
from ovsam.export.programs import example_image, example_prompts
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam
from ovsam.ops.scores import ABSENT_LOG_SCORE


def check_onnx(
    model: OpenVocabSam,
    folder: str | Path,
    cases: Sequence[tuple[int, int]] = ((1, 5), (3, 80), (17, 5)),
    tolerance: float = 1e-3,
) -> dict[str, float]:
    """Compare a folder's ONNX files with the model.

    Args:
        cases: (prompts, classes) of the decoder's runs, with boxes and with clicks.
        tolerance: largest allowed difference, of features and logits relative to their largest value
            where that is above 1.

    Returns:
        Largest difference of each output.

    Raises:
        ExportError: one is above the tolerance.
    """
    import onnxruntime  # an extra: `pip install 'ovsam[export]'`

    folder, worst = Path(folder), dict[str, float]()
    sessions = {
        part: onnxruntime.InferenceSession(folder / f"{part}.onnx", providers=["CPUExecutionProvider"])
        for part in (ENCODER, DECODER)
    }
    encoder, decoder = ExportableEncoder(model).eval(), ExportableDecoder(model).eval()
    image = example_image(model)
    with torch.no_grad():
        features = encoder(image)
        found = sessions[ENCODER].run(None, {"image": image.numpy()})
        _compare(worst, encoder.output_names, found, features)
        for (prompts, classes), kind in [(case, kind) for case in cases for kind in ("box", "click")]:
            given = example_prompts(model, prompts, classes, kind)
            wanted = decoder(features[0], features[1], list(features[2:]), *given)
            names = (*encoder.output_names, *DECODER_INPUTS)
            feed = {n: t.numpy() for n, t in zip(names, (*features, *given), strict=True)}
            taken = {slot.name for slot in sessions[DECODER].get_inputs()}
            feed = {name: value for name, value in feed.items() if name in taken}
            _compare(worst, DECODER_OUTPUTS, sessions[DECODER].run(None, feed), wanted)
    bad = {name: value for name, value in worst.items() if not value <= tolerance}
    if bad:
        raise ExportError(f"ONNX differs from the model by more than {tolerance}: {bad}")
    return worst


def _compare(
    worst: dict[str, float],
    names: Sequence[str],
    found: Sequence[NDArray[np.float32]],
    wanted: Sequence[Tensor],
) -> None:
    for name, one, other in zip(names, found, wanted, strict=True):
        expected = other.numpy()
        scale = max(1.0, float(np.abs(expected[expected > ABSENT_LOG_SCORE]).max()))
        difference = float(np.abs(one - expected).max()) / scale
        worst[name] = max(worst.get(name, 0.0), difference)
