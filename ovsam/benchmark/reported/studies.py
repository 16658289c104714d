"""Published numbers of scaling and ablation studies: tables 5 to 8."""

from ovsam.benchmark.reported.number import PAPER, Reported, numbers_of

#: Accuracy in percent, classes, and images in thousands.
TABLE_5_METRICS = ("Acc", "vocabulary", "images (k)")
TABLE_5_ROWS: dict[str, tuple[float, ...]] = {
    "LVIS": (83.1, 1203, 99),
    "V3Det": (78.7, 13204, 183),
    "I-21k": (44.5, 19167, 13000),
    "V3Det + LVIS": (82.7, 13844, 282),
    "V3Det + LVIS + I-21k": (83.3, 25898, 13000),
    "V3Det + LVIS + I-21k + Objects365": (83.0, 25970, 15000),
}
TABLE_5_NOTES = dict.fromkeys(TABLE_5_ROWS, "the data set of the evaluation is not stated")

#: Detic's boxes.
TABLE_6_METRICS = ("COCO AP", "COCO AP_base", "COCO AP_novel", "MACs (G)", "Params (M)")
TABLE_6_ROWS: dict[str, tuple[float, ...]] = {
    "Feature-Crop + CoOp": (29.5, 28.0, 33.8, 3545, 808),
    "SAM2CLIP only": (28.7, 27.3, 33.3, 1127, 291),
    "Open-Vocabulary SAM": (34.4, 33.1, 38.0, 1180, 304),
}
TABLE_6_NOTES = {
    "Feature-Crop + CoOp": "called image-crop in the table; the numbers are Feature-Crop + CoOp's",
    "SAM2CLIP only": "1,127 G and 291 M here, 1,180 G and 304 M in tables 7 and 8",
    "Open-Vocabulary SAM": "COCO AP 34.4 here, 32.4 in table 2 (AP_base 31.1 and AP_novel 36.0 in tables"
    " 2 and 7)",
}

TABLE_7_LEFT_METRICS = ("COCO IoU", "MACs (G)", "Params (M)")
TABLE_7_LEFT_ROWS: dict[str, tuple[float, ...]] = {
    "SAM": (78.7, 3001, 641),
    "ConvNeXt-L multi-scale": (78.3, 1313, 321),
    "ConvNeXt-L single-scale": (73.6, 1280, 307),
    "R50x16 multi-scale": (78.1, 1180, 304),
    "R50 multi-scale": (77.3, 728, 165),
}
TABLE_7_RIGHT_METRICS = ("COCO IoU", "COCO Acc", "COCO AP_base", "COCO AP_novel")
TABLE_7_RIGHT_ROWS: dict[str, tuple[float, ...]] = {
    "SAM2CLIP only": (78.1, 54.2, 27.6, 33.2),
    "cls token": (81.3, 79.3, 29.8, 34.5),
    "cls token & CLIP MLP fusion": (80.9, 78.9, 29.0, 33.9),
    "light FPN": (81.5, 84.3, 31.1, 36.0),
}
TABLE_7_RIGHT_NOTES = {
    "SAM2CLIP only": "accuracy 54.2 here, 55.1 in table 8; AP_base 27.6 and AP_novel 33.2 here, 27.3 and"
    " 33.3 in table 6",
}

#: Without CLIP2SAM: SAM's decoder on the distilled embedding, labels of CLIP's features.
TABLE_8_LEFT_METRICS = ("COCO IoU", "COCO Acc", "MACs (G)", "Params (M)")
TABLE_8_LEFT_ROWS: dict[str, tuple[float, ...]] = {
    "RN50": (77.3, 50.8, 728, 165),
    "RN50x16": (78.1, 55.1, 1180, 304),
    "RN50x64": (78.1, 54.1, 2098, 568),
    "ConvNeXt-L": (78.3, 59.1, 1313, 321),
    "ViT-L-14": (38.6, 14.3, 2294, 441),
}
TABLE_8_LEFT_NOTES = dict.fromkeys(
    TABLE_8_LEFT_ROWS, "costs are those of the whole model, although the row is without CLIP2SAM"
) | {
    "ViT-L-14": "no source says how its one map goes into the neck of four levels; 1,396 G of the count"
    " here are the products of CLIP's own attention, which the published count seems to leave out"
}

TABLE_8_RIGHT_METRICS = ("COCO 1-IoU",)
TABLE_8_RIGHT_ROWS: dict[str, tuple[float, ...]] = {
    "SAM-H": (78.2,),
    "SEEM-T": (73.7,),
    "Semantic-SAM-T": (76.1,),
    "Open-Vocabulary SAM": (81.7,),
}


def study_tables() -> list[Reported]:
    """Every number of tables 5 to 8."""
    left_8 = (TABLE_8_LEFT_METRICS, TABLE_8_LEFT_ROWS)
    right_7 = (TABLE_7_RIGHT_METRICS, TABLE_7_RIGHT_ROWS)
    return [
        *numbers_of("5", TABLE_5_METRICS, TABLE_5_ROWS, f"{PAPER}, Table 5", TABLE_5_NOTES),
        *numbers_of("6", TABLE_6_METRICS, TABLE_6_ROWS, f"{PAPER}, Table 6", TABLE_6_NOTES),
        *numbers_of("7 left", TABLE_7_LEFT_METRICS, TABLE_7_LEFT_ROWS, f"{PAPER}, Table 7, left"),
        *numbers_of("7 right", *right_7, f"{PAPER}, Table 7, right", TABLE_7_RIGHT_NOTES),
        *numbers_of("8 left", *left_8, f"{PAPER}, Table 8, left", TABLE_8_LEFT_NOTES),
        *numbers_of("8 right", TABLE_8_RIGHT_METRICS, TABLE_8_RIGHT_ROWS, f"{PAPER}, Table 8, right"),
    ]
