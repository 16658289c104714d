"""Published numbers with a detector's boxes: tables 2, 3, 4 and S2; average precision in percent."""

from ovsam.benchmark.reported.number import PAPER, Reported, numbers_of

#: Detic's boxes and scores, masks and labels of each method. COCO's AP is the mean over the 65 classes.
TABLE_2_METRICS = (
    "COCO AP_base",
    "COCO AP_novel",
    "COCO AP",
    "LVIS AP_r",
    "LVIS AP_c",
    "LVIS AP_f",
    "LVIS AP",
)
TABLE_2_ROWS: dict[str, tuple[float, ...]] = {
    "Image-Crop + CoOp": (26.2, 31.2, 27.3, 19.8, 18.3, 16.3, 17.2),
    "Feature-Crop + CoOp": (28.0, 33.8, 29.5, 24.2, 21.4, 18.6, 20.8),
    "Open-Vocabulary SAM": (31.1, 36.0, 32.4, 24.0, 21.3, 22.9, 22.4),
}
TABLE_2_NOTES = {"Open-Vocabulary SAM": "COCO's AP is 32.4 here and 34.4 in table 6, of the same model"}

#: Boxes of a Mask R-CNN R50.
TABLE_3_METRICS = (
    "COCO AP50_base constrained",
    "COCO AP50_novel constrained",
    "COCO AP50_base generalised",
    "COCO AP50_novel generalised",
    "COCO AP50 generalised",
)
TABLE_3_ROWS: dict[str, tuple[float, ...]] = {
    "XPM": (42.4, 24.0, 41.5, 21.6, 36.3),
    "MaskCLIP": (42.8, 23.2, 42.6, 21.7, 37.2),
    "MasQCLIP": (40.9, 30.1, 40.7, 28.4, 37.5),
    "Open-Vocabulary SAM": (41.7, 37.5, 39.3, 39.8, 39.4),
}

#: Masks of each method, boxes and labels of the detector: the row is "<detector>, <method>".
TABLE_4_METRICS = ("COCO mAP", "COCO AP50", "COCO AP75", "COCO AP_s", "COCO AP_m", "COCO AP_l")
TABLE_4_ROWS: dict[str, tuple[float, ...]] = {
    "Faster R-CNN R50, SAM-H": (35.6, 54.9, 38.4, 17.2, 39.1, 51.4),
    "Faster R-CNN R50, SAM-H fine-tuned": (35.8, 55.0, 38.4, 16.5, 38.6, 53.0),
    "Faster R-CNN R50, Open-Vocabulary SAM": (35.8, 55.6, 38.3, 16.0, 38.9, 53.1),
    "Detic Swin-B, SAM-H": (36.4, 57.1, 39.4, 21.4, 40.8, 54.6),
    "Detic Swin-B, SAM-H fine-tuned": (36.8, 57.4, 39.8, 20.8, 40.6, 55.1),
    "Detic Swin-B, Open-Vocabulary SAM": (36.7, 57.2, 39.7, 20.7, 40.8, 54.9),
    "ViTDet-H, SAM-H": (46.3, 72.0, 49.8, 25.2, 45.5, 59.6),
    "ViTDet-H, SAM-H fine-tuned": (46.5, 72.3, 50.3, 25.2, 45.8, 60.1),
    "ViTDet-H, Open-Vocabulary SAM": (48.8, 73.8, 52.9, 24.8, 46.3, 64.2),
}

TABLE_S2_METRICS = (
    "LVIS mAP",
    "LVIS AP50",
    "LVIS AP75",
    "LVIS AP_s",
    "LVIS AP_m",
    "LVIS AP_l",
    "LVIS AP_r",
    "LVIS AP_c",
    "LVIS AP_f",
)
TABLE_S2_ROWS: dict[str, tuple[float | None, ...]] = {
    "Detic Swin-B, SAM-H": (43.5, 59.8, 46.5, 31.4, 55.3, 60.6, 42.6, 43.3, 44.2),
    "Detic Swin-B, Open-Vocabulary SAM": (42.6, 59.5, 45.1, 29.7, 53.6, 61.6, 42.0, 42.5, 42.9),
    "ViTDet-H, SAM-H": (44.5, 61.5, 47.4, 34.2, 56.1, 60.4, 34.6, 45.4, 47.8),
    "ViTDet-H, TAP-L": (42.6, None, None, 29.8, 55.5, 64.8, 33.3, 43.6, 45.5),
    "ViTDet-H, Open-Vocabulary SAM": (44.0, 61.7, 47.1, 33.0, 54.9, 61.6, 34.5, 44.9, 47.3),
}


def detection_tables() -> list[Reported]:
    """Every number of tables 2, 3, 4 and S2."""
    return [
        *numbers_of("2", TABLE_2_METRICS, TABLE_2_ROWS, f"{PAPER}, Table 2", TABLE_2_NOTES),
        *numbers_of("3", TABLE_3_METRICS, TABLE_3_ROWS, f"{PAPER}, Table 3"),
        *numbers_of("4", TABLE_4_METRICS, TABLE_4_ROWS, f"{PAPER}, Table 4"),
        *numbers_of("S2", TABLE_S2_METRICS, TABLE_S2_ROWS, f"{PAPER}, Table S2"),
    ]
