"""Pictures of label maps: predictions with a legend, alone or beside ground truth; pseudo prompts.

A class has the same colour in every picture. Nobody tells many colours apart for sure, so names stand on
the regions and in the legend, and what is wrong has a panel of its own.
"""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ovsam.ops.masks import resize_values
from ovsam.structures.semantic_prediction import UNLABELLED, SemanticPrediction
from ovsam.visualization.overlays import (
    FONT_SIZE,
    GAP,
    INK,
    PAPER,
    SIDE,
    Objects,
    draw_objects,
    font,
    panel,
    shortened,
)
from ovsam.visualization.predictions import Picture

WRONG_COLOUR = (213, 94, 0)  # vermilion of Okabe and Ito
FILL = 0.6  # weight of a class's colour
MIN_NAMED_PART = 0.02  # part of the picture that a region needs to carry its name
MAX_NAMED = 16  # classes in a legend
GOLDEN = 0.618034  # turns of hue between labels in a row, which are far apart then
LINE = FONT_SIZE + 7

LabelMap = NDArray[np.integer]


def colour_of(label: int) -> tuple[int, int, int]:
    """RGB of a label: its hue turns by the golden ratio, saturation and value go round in threes."""
    saturation, value = ((0.85, 0.85), (0.55, 0.95), (0.9, 0.6))[label % 3]
    red, green, blue = colorsys.hsv_to_rgb((label * GOLDEN) % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw_semantic(
    image: NDArray[np.uint8],
    truth: LabelMap,
    predicted: LabelMap,
    names: Sequence[str],
    *,
    ignore_index: int,
    side: int = SIDE,
) -> Picture:
    """Image, ground truth, prediction and what is wrong, side by side, over a legend.

    A class of the truth counts as right if its IoU here is one half or more.

    Args:
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) labels, or `ignore_index` where nothing is known.
        predicted: (H, W) labels; those beyond `names` are none of the classes.
        side: px of the longer side of each panel.

    Raises:
        ValueError: sizes differ.
    """
    if truth.shape != image.shape[:2] or predicted.shape != image.shape[:2]:
        raise ValueError(
            f"image {image.shape[:2]}, truth {truth.shape} and prediction {predicted.shape} differ"
        )
    is_known = truth != ignore_index
    is_wrong = is_known & (truth != predicted)
    part_wrong = is_wrong.sum() / max(is_known.sum(), 1)
    panels = [
        draw_objects(image, Objects(), side),
        draw_labels(image, truth, names, is_drawn=is_known, side=side),
        draw_labels(image, predicted, names, is_drawn=predicted < len(names), side=side),
        _draw_wrong(image, is_wrong, is_known, side),
    ]
    titles = ("image", "ground truth", "prediction", f"wrong: {100 * part_wrong:.0f} % of the pixels")
    sheet = panel(panels, titles)
    ious: dict[int, float] = {}
    found, areas = np.unique(truth[is_known], return_counts=True)
    for label in found[np.argsort(-areas, kind="stable")].tolist():
        is_true, is_said = truth == label, predicted == label
        ious[label] = float((is_true & is_said).sum() / ((is_true | is_said) & is_known).sum())
    labels, counts = np.unique(predicted[is_known], return_counts=True)
    said = labels[np.argsort(-counts, kind="stable")].tolist()
    there = [(label, f"{names[label]} {100 * iou:.0f} %") for label, iou in ious.items()]
    others = [
        (label, f"{names[label]} (not there)")
        for label in said
        if label < len(names) and label not in ious
    ]
    text = (
        f"{len(ious)} classes, {100 * part_wrong:.0f} % of the pixels wrong; IoU "
        + ", ".join(text for _, text in there)
        + "".join(f"; {text}" for _, text in others)
    )
    right = sum(iou >= 0.5 for iou in ious.values())
    return Picture(
        image=np.concatenate([sheet, _legend([*there, *others], sheet.shape[1])]),
        text=text,
        num_right=right,
        num_wrong=len(ious) - right,
    )


def draw_labels(
    image: NDArray[np.uint8],
    labels: LabelMap,
    names: Sequence[str],
    *,
    is_drawn: NDArray[np.bool_],
    side: int = SIDE,
) -> NDArray[np.uint8]:
    """Colours of the labels (H, W) over the image, with the names of the larger regions.

    The image (H, W, 3) turns grey where `is_drawn` (H, W) is false.

    Returns:
        (h, w, 3) uint8 RGB whose longer side has `side` px.
    """
    canvas = draw_objects(image, Objects(), side).copy()
    height, width = canvas.shape[:2]
    labels = resize_values(np.where(is_drawn, labels, -1), (height, width))
    canvas[labels < 0] = canvas[labels < 0].mean(axis=1, keepdims=True).astype(np.uint8) // 2 + 64
    found = [int(label) for label in np.unique(labels) if label >= 0]
    for label in found:
        mask = labels == label
        canvas[mask] = canvas[mask] * (1 - FILL) + np.array(colour_of(label)) * FILL
    edges = np.zeros((height, width), bool)
    edges[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edges[1:] |= labels[1:] != labels[:-1]
    canvas[edges] = PAPER
    drawn = Image.fromarray(canvas)
    pen = ImageDraw.Draw(drawn)
    for label in found:
        place = _place_of_name(labels == label)
        if place is not None:
            _write(pen, place, names[label], (height, width))
    return np.asarray(drawn)


def draw_prediction(
    image: NDArray[np.uint8], prediction: SemanticPrediction, *, side: int = SIDE
) -> NDArray[np.uint8]:
    """Colours and names of a label map over its image (H, W, 3), and a legend with their shares below.

    What has no class turns grey.

    Returns:
        (h, w, 3) uint8 RGB whose longer side, without the legend, has `side` px.

    Raises:
        ValueError: sizes differ.
    """
    if prediction.size != image.shape[:2]:
        raise ValueError(f"image {image.shape[:2]} and prediction {prediction.size} differ")
    names = [shortened(name) for name in prediction.class_names]
    is_drawn = prediction.labels != UNLABELLED
    drawn = draw_labels(image, prediction.labels, names, is_drawn=is_drawn, side=side)
    legend: list[tuple[int | None, str]] = [
        (found.label, f"{names[found.label]} {_percent(found.share)}") for found in prediction.found
    ]
    if prediction.unlabelled_area:
        share = prediction.unlabelled_area / prediction.labels.size
        legend.insert(0, (None, f"without a name {_percent(share)}"))
    return np.concatenate([drawn, _legend(legend, drawn.shape[1])])


def draw_pseudo_prompts(
    image: NDArray[np.uint8],
    name: str,
    masks: NDArray[np.bool_],
    points: NDArray[np.floating],
    *,
    similarity: NDArray[np.floating] | None = None,
    side: int = SIDE,
) -> NDArray[np.uint8]:
    """The regions and points by which a model prompts itself for the class `name`.

    Args:
        image: (H, W, 3) uint8 RGB.
        masks: (n, h, w) bool on any grid; empty ones (clusters without pixels) are left out.
        points: (n, 2) xy of each region, in cells of the grid (0.5 is the middle of the first).
        similarity: (h, w) of the class to each cell, drawn in a panel of its own.
        side: px of the longer side of each panel.

    Returns:
        (h', w', 3) uint8 RGB: image, similarity if given, regions with their points.

    Raises:
        ValueError: numbers of masks and points differ.
    """
    if len(masks) != len(points):
        raise ValueError(f"{len(masks)} masks and {len(points)} points: expected one point per mask")
    height, width = image.shape[:2]
    kept = [i for i in range(len(masks)) if masks[i].any()]
    scale = np.array([width / masks.shape[2], height / masks.shape[1]])
    regions = [resize_values(masks[i], (height, width)) for i in kept]
    objects = Objects(
        masks=np.array(regions, bool).reshape(-1, height, width),
        points=[np.array([[*(points[i] * scale), 1]]) for i in kept],
    )
    plain = draw_objects(image, Objects(), side)
    panels = {"image": plain}
    if similarity is not None:
        panels[f"similarity to {name}"] = _draw_heat(plain, similarity)
    panels[f"{len(kept)} pseudo prompts: {name}"] = draw_objects(image, objects, side)
    return panel(list(panels.values()), list(panels))


def _draw_heat(canvas: NDArray[np.uint8], values: NDArray[np.floating]) -> NDArray[np.uint8]:
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-12)
    size = canvas.shape[1], canvas.shape[0]
    large = cv2.resize(scaled.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    heat = cv2.applyColorMap((large.clip(0, 1) * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    mixed = canvas * (1 - FILL) + cv2.cvtColor(heat, cv2.COLOR_BGR2RGB) * FILL
    return mixed.astype(np.uint8)


def _draw_wrong(
    image: NDArray[np.uint8], is_wrong: NDArray[np.bool_], is_known: NDArray[np.bool_], side: int
) -> NDArray[np.uint8]:
    """Grey image; wrong pixels vermilion, unknown ones dark."""
    canvas = draw_objects(image, Objects(), side)
    size = canvas.shape[0], canvas.shape[1]
    grey = np.repeat(canvas.mean(axis=2, keepdims=True), 3, axis=2) * 0.5 + 110
    wrong, known = resize_values(is_wrong, size), resize_values(is_known, size)
    grey[~known] *= 0.4
    grey[wrong] = grey[wrong] * (1 - FILL) + np.array(WRONG_COLOUR) * FILL
    return grey.clip(0, 255).astype(np.uint8)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"


def _legend(entries: Sequence[tuple[int | None, str]], width: int) -> NDArray[np.uint8]:
    """Swatches with names, in rows of the width of the sheet."""
    shown = list(entries[:MAX_NAMED])
    places, left, top = [], GAP, GAP // 2
    texts = [text for _, text in shown]
    if len(entries) > MAX_NAMED:
        texts.append(f"and {len(entries) - MAX_NAMED} more")
    for text in texts:
        needed = LINE + int(font().getlength(text)) + 3 * GAP
        if left + needed > width and left > GAP:
            left, top = GAP, top + LINE
        places.append((left, top))
        left += needed
    drawn = Image.new("RGB", (width, top + LINE + GAP // 2), PAPER)
    pen = ImageDraw.Draw(drawn)
    labels = [*(label for label, _ in shown), None][: len(texts)]  # "and n more" has no colour
    for (left, top), text, label in zip(places, texts, labels, strict=True):
        if label is not None:
            pen.rectangle((left, top + 2, left + FONT_SIZE, top + FONT_SIZE + 2), fill=colour_of(label))
        pen.text((left + LINE, top), text, font=font(), fill=INK)
    return np.asarray(drawn)


def _place_of_name(mask: NDArray[np.bool_]) -> tuple[int, int] | None:
    """xy px of the point of the largest region that is farthest from its edge, if it is large enough."""
    _, regions, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if len(stats) < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    if stats[largest, cv2.CC_STAT_AREA] < MIN_NAMED_PART * mask.size:
        return None
    inside = np.pad((regions == largest).astype(np.uint8), 1)
    distances = cv2.distanceTransform(inside, cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(distances.argmax()), distances.shape)
    return int(column), int(row)


def _write(pen: ImageDraw.ImageDraw, place: tuple[int, int], name: str, size: tuple[int, int]) -> None:
    """A name on white, around a place and inside the picture."""
    width, height = pen.textlength(name, font=font()) + 4, FONT_SIZE + 4
    left = min(max(place[0] - width / 2, 0), max(size[1] - width, 0))
    top = min(max(place[1] - height / 2, 0), max(size[0] - height, 0))
    pen.rectangle((left, top, left + width, top + height), fill=PAPER)
    pen.text((left + 2, top), name, font=font(), fill=INK)
