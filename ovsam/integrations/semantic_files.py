"""Label maps as JSON: what the values of their PNG files mean."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ovsam.structures.semantic_prediction import SemanticPrediction


def semantic_json(
    class_names: Sequence[str],
    images: Sequence[Mapping[str, Any]],
    info: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Label maps of several pictures, each with its `image_entry`; `info` says how the file was made.

    Returns:
        `info`; `categories`: id and name of every class, where the id is its value in the PNG files, and
        0 is unlabelled; `images` with ids from 1.
    """
    return {
        "info": dict(info or {}),
        "categories": [{"id": label + 1, "name": name} for label, name in enumerate(class_names)],
        "images": [{"id": number, **image} for number, image in enumerate(images, start=1)],
    }


def image_entry(file_name: str, prediction: SemanticPrediction, label_map: str) -> dict[str, Any]:
    """What `semantic_json` says of a picture; the PNG file `label_map` has its `file_values`.

    `classes` are those that have pixels, the largest first: `id` (label + 1), `name`, `area` in px,
    `share` of the picture 0..1 and `score` 0..1, the mean over its pixels.
    """
    height, width = prediction.size
    return {
        "file_name": file_name,
        "height": height,
        "width": width,
        "label_map": label_map,
        "threshold": prediction.threshold,
        "classes": [
            {
                "id": found.label + 1,
                "name": found.name,
                "area": found.area,
                "share": round(found.share, 6),
                "score": round(found.score, 4),
            }
            for found in prediction.found
        ],
        "unlabelled_area": prediction.unlabelled_area,
    }


def label_map_names(file_names: Sequence[str]) -> dict[str, str]:
    """Distinct names for the label maps of pictures.

    Example:
        >>> label_map_names(["a/b.jpg", "c.png", "c.jpg"])
        {'a/b.jpg': 'a/b.labels.png', 'c.png': 'c.png.labels.png', 'c.jpg': 'c.jpg.labels.png'}
    """
    stems = {name: Path(name).with_suffix("").as_posix() for name in file_names}
    counts = Counter(stems.values())
    return {name: f"{stem if counts[stem] == 1 else name}.labels.png" for name, stem in stems.items()}
