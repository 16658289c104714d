"""Predictions as files: COCO JSON with run-length codes, and CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ovsam.ops.masks import encode_masks
from ovsam.structures.prediction import Prediction

CSV_COLUMNS = (
    "image", "prompt", "name", "score", "mask_score", "left", "top", "right", "bottom", "area",
    "top_names",
)  # fmt: skip
MOST_CATEGORIES = 2000  # 24,000 of them would be most of a file, and take longer to write than to find
#: What a spreadsheet would take for a formula at the start of a cell.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def coco_json(
    predictions: Mapping[str, Prediction], info: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Predictions (file name -> its masks, all of one vocabulary) in COCO's layout.

    Returns:
        `info`, `images`, `annotations` (`segmentation` as run-length code; `score` of the name,
        `mask_score`, `prompt` and `top` beside COCO's fields) and `categories`; ids from 1. Of more than
        `MOST_CATEGORIES` names only those of a mask are listed, with the same ids. Models that only
        segment have the one category "object".

    Raises:
        ValueError: vocabularies differ.
    """
    vocabularies = {prediction.class_names for prediction in predictions.values()}
    if len(vocabularies) > 1:
        raise ValueError(f"one file needs one vocabulary, got {len(vocabularies)}")
    names = next(iter(vocabularies), ()) or ("object",)
    images, annotations = [], []
    for image_id, (file_name, prediction) in enumerate(predictions.items(), start=1):
        height, width = prediction.size
        images.append({"id": image_id, "file_name": file_name, "height": height, "width": width})
        codes, areas = encode_masks(prediction.masks), prediction.areas.tolist()
        for row, (code, area) in enumerate(zip(codes, areas, strict=True)):
            left, top, right, bottom = prediction.boxes[row].tolist()
            label = 0 if prediction.labels is None else int(prediction.labels[row])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": label + 1,
                    "segmentation": code,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": area,
                    "iscrowd": 0,
                    "score": float(prediction.ranking_scores[row]),
                    "mask_score": float(prediction.mask_scores[row]),
                    "prompt": int(prediction.prompt_index[row]),
                    "top": [list(pair) for pair in prediction.top[row]] if prediction.top else [],
                }
            )
    categories = [{"id": label + 1, "name": names[label]} for label in _listed(predictions, names)]
    found = {"images": images, "annotations": annotations, "categories": categories}
    return {"info": dict(info or {}), **found}


def csv_text(predictions: Mapping[str, Prediction]) -> str:
    """One line per mask, columns `CSV_COLUMNS`; boxes and areas in px.

    A text that a spreadsheet would read as a formula gets an apostrophe in front.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for file_name, prediction in predictions.items():
        areas, names = prediction.areas.tolist(), prediction.names
        for row in range(len(prediction)):
            top = prediction.top[row] if prediction.top else ()
            writer.writerow(
                [
                    _cell(file_name),
                    int(prediction.prompt_index[row]),
                    _cell(names[row]),
                    "" if prediction.scores is None else f"{prediction.scores[row]:.4f}",
                    f"{prediction.mask_scores[row]:.4f}",
                    *(f"{value:g}" for value in prediction.boxes[row].tolist()),
                    areas[row],
                    _cell("; ".join(f"{name} {score:.3f}" for name, score in top)),
                ]
            )
    return stream.getvalue()


def _listed(predictions: Mapping[str, Prediction], names: Sequence[str]) -> Iterable[int]:
    """Labels of the categories of a file."""
    if len(names) <= MOST_CATEGORIES:
        return range(len(names))
    found = (p.labels.tolist() for p in predictions.values() if p.labels is not None)
    return sorted({label for labels in found for label in labels})


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
