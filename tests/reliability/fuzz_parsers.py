"""The parsers of other people's input: good inputs, their changes, and what must hold after them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from ovsam.datasets.coco_index import index_annotations
from ovsam.datasets.detections import read_class_labels, read_detections
from ovsam.datasets.sa1b import read_masks
from ovsam.ops.annotations import as_segmentation, bounds_of_segmentation, corners_of_box
from ovsam.ops.masks import areas_of_segmentations, decode_segmentations
from tests.reliability import fuzz_files, fuzz_page
from tests.reliability.fuzz_inputs import (
    changed_text,
    changed_value,
    compressed,
    json_bytes,
    run_lengths,
)
from tests.reliability.fuzz_scratch import scratch_file
from tests.reliability.fuzz_words import (
    PETS,
    WORDS,
    prompts,
    shell_points,
    take_name,
    take_prompts,
    take_shell_points,
    take_vocabulary,
    typed_names,
    vocabulary_json,
    vocabulary_text,
)


@dataclass(frozen=True)
class Parser:
    """One parser.

    Attributes:
        make: an input.
        take: parses it, and asserts what must hold of what comes out.
        errors: the documented ones.
    """

    name: str
    make: Callable[[Random], Any]
    take: Callable[[Any], Any]
    errors: tuple[type[Exception], ...] = (ValueError,)


def size_of(draw: Random) -> tuple[int, int]:
    """(h, w), never equal."""
    height, width = draw.randint(1, 9), draw.randint(1, 9)
    return height, width if width != height else width + 1


def code_as_text(draw: Random) -> Any:
    size = size_of(draw)
    code = {"size": list(size), "counts": changed_text(draw, compressed(run_lengths(draw, *size)), 2)}
    return (changed_value(draw, code) if draw.random() < 0.2 else code), size


def code_as_numbers(draw: Random) -> Any:
    size = size_of(draw)
    return changed_value(draw, {"size": list(size), "counts": run_lengths(draw, *size)}), size


def polygons(draw: Random) -> Any:
    height, width = size_of(draw)
    x, y = draw.uniform(-5, width), draw.uniform(-5, height)
    good = [[x, y, x + 3, y, x + 3, y + 2.5], [0, 0, width, 0, width, height, 0, height]]
    return changed_value(draw, draw.choice((good, good[0], [[[x, y], [0, 1], [2, 3]]]))), (height, width)


def take_segmentation(given: Any) -> None:
    segmentation, size = given
    found = as_segmentation(segmentation, size)
    if found is None:
        return
    [mask] = decode_segmentations([segmentation], size)
    assert mask.shape == size, mask.shape
    assert areas_of_segmentations([segmentation], size)[0] == mask.sum(), "area"
    bounds = bounds_of_segmentation(found)
    assert all(map(math.isfinite, bounds)), bounds


def box(draw: Random) -> Any:
    return changed_value(draw, [draw.uniform(-3, 9), 1, draw.uniform(-1, 30), 4.5]), size_of(draw)


def take_box(given: Any) -> None:
    corners, size = corners_of_box(*given), given[1]
    if corners is not None:
        left, top, right, bottom = corners
        assert 0 <= left < right <= size[1], corners
        assert 0 <= top < bottom <= size[0], corners


def annotations(draw: Random) -> dict[str, Any]:
    """A good file of COCO's format."""
    return {
        "images": [
            {"id": 5, "file_name": "a.jpg", "height": 6, "width": 8},
            {"id": 7, "file_name": "b/c.jpg", "height": 5, "width": 3},
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3,
        "name": "red ball"}],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 1, "bbox": [0, 0, 4, 3], "area": 12, "iscrowd": 0,
             "segmentation": {"size": [6, 8], "counts": compressed(run_lengths(draw, 6, 8))}},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0.5, 1, 2, 3], "iscrowd": 0,
             "segmentation": [[0, 1, 2.5, 1, 2.5, 4]]},
            {"id": 3, "image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1], "iscrowd": 1,
             "segmentation": {"size": [5, 3], "counts": run_lengths(draw, 5, 3)}},
        ],
    }  # fmt: skip


def coco(draw: Random) -> Any:
    choices = {
        "merge_categories": draw.random() < 0.2,
        "with_masks": draw.random() < 0.8,
        "refused": [] if draw.random() < 0.3 else None,
    }
    return changed_value(draw, annotations(draw)), choices


def lvis(draw: Random) -> Any:
    content = annotations(draw)
    for image in content["images"]:
        image["coco_url"] = f"http://images.org/train2017/{image.pop('file_name')}"
        image |= {"neg_category_ids": [2], "not_exhaustive_category_ids": [3]}
    for category in content["categories"]:
        category |= {"synset": "x.n.01", "synonyms": ["x"], "frequency": "r", "image_count": 2}
    return changed_value(draw, content, 4), {"min_box_side": draw.choice((0.0, 2.0))}


def take_annotations(given: Any) -> None:
    content, choices = given
    index = index_annotations(
        content, path=Path("a.json"), vocabulary=PETS, kept_labels={0, 1, 2}, **choices
    )
    for image in index.images:
        size = image["height"], image["width"]
        for instance in image["instances"]:
            left, top, right, bottom = instance["bbox"]
            assert 0 <= left < right <= size[1], instance["bbox"]
            assert 0 <= top < bottom <= size[0], instance["bbox"]
            if size[0] * size[1] < 1_000_000:
                assert decode_segmentations([instance["segmentation"]], size).shape == (1, *size)


def sa1b(draw: Random) -> bytes:
    masks = [
        {"id": 100 + n, "bbox": [1, 1, 3 + n, 2], "area": 4, "predicted_iou": 0.9,
         "segmentation": {"size": [6, 8], "counts": compressed(run_lengths(draw, 6, 8))}}
        for n in range(2)
    ]  # fmt: skip
    image = {"image_id": 1, "width": 8, "height": 6, "file_name": "sa_1.jpg"}
    return json_bytes(draw, {"image": image, "annotations": masks})


class InMemory:
    """Stands for a `Place` of SA-1B."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        return self.content


def take_sa1b(content: bytes) -> None:
    found = read_masks(InMemory(content), "sa_1.jpg")
    size = found["height"], found["width"]
    assert all(type(side) is int and side > 0 for side in size), size
    if size[0] * size[1] < 1_000_000:
        codes = [instance["segmentation"] for instance in found["instances"]]
        assert decode_segmentations(codes, size).shape == (len(codes), *size)


def detections(draw: Random) -> bytes:
    rows = [
        {"image_id": 5, "category_id": 1, "bbox": [0, 0, 4, 3], "score": 0.5},
        {"image_id": 7, "category_id": 9, "bbox": [0, 0, 2, 2], "score": 1},
    ]
    return json_bytes(draw, rows)


def take_detections(content: bytes) -> None:
    sizes, labels = {5: (6, 8), 7: (5, 3)}, {1: 0, 2: 1}
    found, _ = read_detections(
        scratch_file(".json", content), image_sizes=sizes, label_of_category=labels
    )
    assert found.keys() == sizes.keys()
    for detections in found.values():
        assert np.isfinite(detections.boxes).all(), detections
        assert np.isfinite(detections.scores).all(), detections


def class_files(draw: Random) -> bytes:
    good = (["cat", "Hound"], {"3": "cat", "5": "dog"}, {"categories": [{"id": 4, "name": "red_ball"}]})
    return json_bytes(draw, draw.choice(good))


def take_class_file(content: bytes) -> None:
    labels = read_class_labels(scratch_file(".json", content), {"cat": 0, "dog": 1, "red ball": 2})
    assert set(labels.values()) <= {0, 1, 2}


PARSERS = {
    parser.name: parser
    for parser in (
        Parser("rle_compressed", code_as_text, take_segmentation),
        Parser("rle_uncompressed", code_as_numbers, take_segmentation),
        Parser("polygons", polygons, take_segmentation),
        Parser("boxes", box, take_box),
        Parser("coco", coco, take_annotations),
        Parser("lvis", lvis, take_annotations),
        Parser("sa1b_masks", sa1b, take_sa1b),
        Parser("detections", detections, take_detections),
        Parser("detector_classes", class_files, take_class_file),
        Parser("vocabulary_typed", typed_names, take_vocabulary),
        Parser("vocabulary_text", vocabulary_text, take_vocabulary),
        Parser("vocabulary_json", vocabulary_json, take_vocabulary),
        Parser("class_names", lambda draw: changed_text(draw, draw.choice(WORDS)), take_name),
        Parser("prompts", prompts, take_prompts),
        Parser("prompts_shell", shell_points, take_shell_points),
        *(Parser(*row) for row in (*fuzz_files.ROWS, *fuzz_page.ROWS)),
    )
}
