"""Predictions as Label Studio pre-annotations: tasks in its JSON, masks as brush strokes.

Label Studio needs a labelling config with tags of the same names, which `labelling_config` gives. Brush
masks are run-length coded in Label Studio's own form: the format of the JavaScript package rle-pack over
the RGBA bytes of the mask.
"""

import hashlib
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from ovsam.structures.prediction import Prediction

IMAGE_TAG, BRUSH_TAG, BOX_TAG = "image", "tag", "box"
UNNAMED = "object"
WORD_BITS = 8  # of a coded value
LENGTH_BITS = (3, 4, 8, 16)  # a run's length has one of these widths
CHANNELS = 4  # RGBA


def to_task(
    prediction: Prediction, image_url: str, model_version: str = "ovsam", with_boxes: bool = False
) -> dict[str, Any]:
    """One picture as a task with predictions, to be imported as JSON (a list of tasks).

    Label Studio finds the picture at `image_url`; `with_boxes` adds the masks' boxes as rectangles.
    """
    results = []
    for row, name in enumerate(prediction.names):
        mask, labels = prediction.masks[row], [name or UNNAMED]
        if mask.any():
            brush = {"format": "rle", "rle": encode_brush(mask), "brushlabels": labels}
            results.append(_result(prediction, row, BRUSH_TAG, "brushlabels", brush))
        if mask.any() and with_boxes:
            box = {**_percent(prediction, row), "rotation": 0, "rectanglelabels": labels}
            results.append(_result(prediction, row, BOX_TAG, "rectanglelabels", box))
    score = float(np.mean([result["score"] for result in results])) if results else 0.0
    found = {"model_version": model_version, "score": score, "result": results}
    return {"data": {IMAGE_TAG: image_url}, "predictions": [found]}


def labelling_config(names: Sequence[str], with_boxes: bool = False) -> str:
    """The labelling config (XML) that fits `to_task`."""
    labels = "".join(f"<Label value={quoteattr(name)}/>" for name in names or [UNNAMED])
    boxes = f'<RectangleLabels name="{BOX_TAG}" toName="{IMAGE_TAG}">{labels}</RectangleLabels>'
    return (
        f'<View><Image name="{IMAGE_TAG}" value="${IMAGE_TAG}" zoom="true"/>'
        f'<BrushLabels name="{BRUSH_TAG}" toName="{IMAGE_TAG}">{labels}</BrushLabels>'
        f"{boxes if with_boxes else ''}</View>"
    )


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """A mask as Label Studio's run-length code.

    The code is a string of bits: the number of values (32 bits), their width less 1 (5), four widths of
    run lengths less 1 (4 each); then per run a 1, the index of the width (2), the length less 1 and the
    value. A lone value is a run of length 1. (H, W) -> bytes as numbers in 0..255.
    """
    flat = mask.reshape(-1).astype(np.uint8)
    edges = np.flatnonzero(np.diff(flat)) + 1
    starts = np.concatenate([[0], edges]) if len(flat) else np.zeros(0, np.int64)
    lengths = np.diff(starts, append=len(flat)) * CHANNELS
    bits = [f"{len(flat) * CHANNELS:032b}", f"{WORD_BITS - 1:05b}"]
    bits += [f"{width - 1:04b}" for width in LENGTH_BITS]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        value = f"{255 if flat[start] else 0:0{WORD_BITS}b}"
        while length:
            fitting = (i for i, width in enumerate(LENGTH_BITS) if length <= 1 << width)
            index = next(fitting, len(LENGTH_BITS) - 1)
            part = min(length, 1 << LENGTH_BITS[index])
            bits.append(f"1{index:02b}{part - 1:0{LENGTH_BITS[index]}b}{value}")
            length -= part
    code = "".join(bits)
    code += "0" * (-len(code) % 8)
    return [int(code[i : i + 8], 2) for i in range(0, len(code), 8)]


def _percent(prediction: Prediction, row: int) -> dict[str, float]:
    """A box in percent of the picture."""
    height, width = prediction.size
    left, top, right, bottom = prediction.boxes[row].tolist()
    return {
        "x": 100 * left / width,
        "y": 100 * top / height,
        "width": 100 * (right - left) / width,
        "height": 100 * (bottom - top) / height,
    }


def _result(
    prediction: Prediction, row: int, tag: str, kind: str, value: dict[str, Any]
) -> dict[str, Any]:
    height, width = prediction.size
    content = prediction.masks[row].tobytes() + f"{row} {kind}".encode()
    return {
        "id": hashlib.sha256(content).hexdigest()[:10],
        "from_name": tag,
        "to_name": IMAGE_TAG,
        "type": kind,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": float(prediction.ranking_scores[row]),
        "value": value,
    }
