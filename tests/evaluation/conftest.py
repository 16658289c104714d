"""A small federated annotation file in LVIS's format, and noisy results for it."""

from typing import Any

import numpy as np
import pytest

from ovsam.ops.masks import encode_masks

HEIGHT, WIDTH = 120, 150
CATEGORIES = (1, 2, 4, 7, 8, 9)  # ids with gaps


@pytest.fixture
def federated() -> dict[str, Any]:
    """12 images, 6 categories of all frequencies; images say what they were searched for."""
    rng = np.random.default_rng(5)
    images, annotations = [], []
    for image_id in range(31, 43):
        found = rng.choice(CATEGORIES, size=int(rng.integers(1, 8)))
        for category in found.tolist():
            x, y = int(rng.integers(0, WIDTH - 105)), int(rng.integers(0, HEIGHT - 105))
            w, h = (int(v) for v in rng.integers(5, 105, 2))
            mask = np.zeros((1, HEIGHT, WIDTH), bool)
            mask[:, y : y + h, x : x + w] = True
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image_id,
                    category_id=category,
                    bbox=[x, y, w, h],
                    area=w * h,
                    segmentation=encode_masks(mask)[0],
                )
            )
        absent = [c for c in CATEGORIES if c not in found]
        images.append(
            dict(
                id=image_id,
                height=HEIGHT,
                width=WIDTH,
                neg_category_ids=absent[: len(absent) // 2],
                not_exhaustive_category_ids=sorted(set(found.tolist()))[:1] if image_id % 3 else [],
            )
        )
    categories = [
        dict(id=c, name=f"class {c}", frequency="rcf"[i % 3]) for i, c in enumerate(CATEGORIES)
    ]
    return dict(images=images, annotations=annotations, categories=categories)


@pytest.fixture
def noisy_results():
    """Of a ground truth's masks some moved to another class, some to another image, scores random."""

    def make(ground_truth: dict[str, Any], codes: list[Any], seed: int = 0) -> list[dict[str, Any]]:
        rng = np.random.default_rng(seed)
        categories = [row["id"] for row in ground_truth["categories"]]
        size_of = {i["id"]: (i["height"], i["width"]) for i in ground_truth["images"]}
        results = []
        for row, code in zip(ground_truth["annotations"], codes, strict=True):
            category, image_id = row["category_id"], row["image_id"]
            if rng.random() < 0.3:
                category = int(rng.choice(categories))
            if rng.random() < 0.2:
                alike = [i for i, size in size_of.items() if size == size_of[image_id]]
                image_id = int(rng.choice(alike))
            score = float(np.round(rng.random(), 2))  # with ties
            results.append(dict(image_id=image_id, category_id=category, segmentation=code, score=score))
        return results

    return make
