"""Published numbers, with their source: shown beside ours, never in the same column.

Metrics in percent, multiply-adds in G, parameters in M, as printed by the sources. "FLOPs" of the
published table are multiply-adds at 1024x1024 for 10 prompts.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """One published number.

    Attributes:
        table: which published table.
        row: its row, as the source calls it.
        metric: what is measured, with the data set.
        value: percent, G or M.
        source: where it stands.
    """

    table: str
    row: str
    metric: str
    value: float
    source: str


MAIN_SOURCE = "Open-Vocabulary SAM (ECCV 2024, arXiv 2401.02955), project page, main table"
POINT_SOURCE = "Open-Vocabulary SAM (ECCV 2024, arXiv 2401.02955), Table 1"

MAIN_METRICS = (
    "COCO IoU_b",
    "COCO IoU_n",
    "COCO Acc",
    "LVIS IoU_b",
    "LVIS IoU_n",
    "LVIS Acc",
    "MACs (G)",
    "Params (M)",
)

#: Ground-truth boxes.
MAIN_ROWS: dict[str, tuple[float, ...]] = {
    "Image-Crop": (78.1, 81.4, 46.2, 78.3, 81.6, 9.6, 3748, 808),
    "Feature-Crop": (78.1, 81.4, 55.1, 78.3, 81.6, 26.5, 3545, 808),
    "Image-Crop + Adapter1": (79.6, 82.1, 62.0, 80.1, 82.0, 32.1, 3748, 808),
    "Feature-Crop + Adapter1": (79.6, 82.1, 70.9, 80.1, 82.0, 48.2, 3545, 808),
    "Feature-Crop + Adapter2": (78.5, 80.9, 75.3, 79.5, 81.8, 29.6, 3590, 828),
    "Feature-Crop + Adapter3": (76.1, 79.3, 63.1, 76.1, 79.2, 21.0, 3580, 812),
    "Open-Vocabulary SAM": (81.5, 84.0, 84.3, 80.4, 83.1, 66.6, 1180, 304),
}

#: Centre points; None where the source has no number of its own for the row.
POINT_ROWS: dict[str, tuple[float | None, ...]] = {
    "Image-Crop": (60.7, 66.7, 24.5, 53.0, 62.3, 6.2),
    "Feature-Crop": (None, None, 32.1, None, None, 11.0),
    "Image-Crop + CoOp": (64.7, 66.7, 28.2, 58.9, 64.2, 8.3),
    "Feature-Crop + CoOp": (None, None, 35.1, None, None, 13.2),
    "Open-Vocabulary SAM": (68.4, 65.2, 76.7, 63.6, 67.9, 60.4),
}


def main_table() -> list[Reported]:
    """Every number of the published main table, boxes then centre points."""
    found = [
        Reported("main, boxes", row, metric, value, MAIN_SOURCE)
        for row, values in MAIN_ROWS.items()
        for metric, value in zip(MAIN_METRICS, values, strict=True)
    ]
    found += [
        Reported("main, centre points", row, metric, value, POINT_SOURCE)
        for row, values in POINT_ROWS.items()
        for metric, value in zip(MAIN_METRICS[:6], values, strict=True)
        if value is not None
    ]
    return found
