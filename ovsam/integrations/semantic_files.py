"""Label maps as JSON: what the values of their PNG files mean."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovsam.structures.semantic_prediction import FoundClass, SemanticPrediction


def semantic_json(
    predictions: Mapping[str, SemanticPrediction],
    label_maps: Mapping[str, str],
    info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Label maps of several pictures.

    Args:
        predictions: file name -> its label map; all of one vocabulary.
        label_maps: file name -> name of the PNG file with `SemanticPrediction.file_values`.
        info: what the file says of its making.

    Returns:
        `info`; `categories`: id and name of every class, the id is its value in the PNG files, where 0
        is unlabelled; `images`: name, size and label map of each, with `classes`, the largest first:
        id, name, area in px, share of the picture 0..1, score 0..1 (mean over its pixels), and
        `unlabelled_area` in px.

    Raises:
        ValueError: vocabularies differ.
    """
    vocabularies = {prediction.class_names for prediction in predictions.values()}
    if len(vocabularies) > 1:
        raise ValueError(f"one file needs one vocabulary, got {len(vocabularies)}")
    images = []
    for image_id, (file_name, prediction) in enumerate(predictions.items(), start=1):
        height, width = prediction.size
        images.append(
            {
                "id": image_id,
                "file_name": file_name,
                "height": height,
                "width": width,
                "label_map": label_maps[file_name],
                "threshold": prediction.threshold,
                "classes": found_classes(prediction),
                "unlabelled_area": prediction.unlabelled_area,
            }
        )
    names = next(iter(vocabularies), ())
    categories = [{"id": label + 1, "name": name} for label, name in enumerate(names)]
    return {"info": dict(info or {}), "categories": categories, "images": images}


def found_classes(prediction: SemanticPrediction) -> list[dict[str, Any]]:
    """The classes that have pixels as `semantic_json` lists them, the largest first."""
    return [_row(found) for found in prediction.found]


def label_map_name(file_name: str) -> str:
    """The PNG file that belongs to a picture: `a/b.jpg` -> `a/b.labels.png`."""
    return Path(file_name).with_suffix(".labels.png").as_posix()


def _row(found: FoundClass) -> dict[str, Any]:
    return {
        "id": found.label + 1,
        "name": found.name,
        "area": found.area,
        "share": round(found.share, 6),
        "score": round(found.score, 4),
    }
