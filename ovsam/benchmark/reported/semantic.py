"""Published numbers of open-vocabulary semantic segmentation: mIoU in percent on six sets, costs, speed.

Read off public digests of the papers and of their tables where the papers themselves were not at hand.
"GFLOPs" of the published comparison are multiply-adds of five views at 150 classes: CAT-Seg's released
code comes near to that, and one view is a fifth of it.
"""

from ovsam.benchmark.reported.number import Reported, numbers_of

ESCNET = "ESC-Net (CVPR 2025, arXiv 2411.14723)"
CATSEG = "CAT-Seg (CVPR 2024, arXiv 2303.11797)"
MAIN, SAM_BLOCK, SPEED = "semantic", "semantic, SAM block", "semantic, FPS"

SET_METRICS = ("A-847 mIoU", "PC-459 mIoU", "A-150 mIoU", "PC-59 mIoU", "PAS-20 mIoU", "PAS-20b mIoU")
ESCNET_ROWS: dict[str, tuple[float | None, ...]] = {
    "ESC-Net ViT-L/14": (18.1, 27.0, 41.8, 65.6, 98.3, None),
    "ESC-Net ViT-B/16": (None, None, 35.6, 59.0, 97.3, 80.1),
}
CATSEG_ROWS: dict[str, tuple[float | None, ...]] = {
    "CAT-Seg ViT-L/14": (16.0, 23.8, 37.9, 63.3, 97.0, 82.5),
    "CAT-Seg ViT-B/16": (12.0, 19.0, 31.8, 57.5, 94.6, 77.3),
}
#: Others that the papers compare with; they are not built here.
OTHER_ROWS: dict[str, tuple[float | None, ...]] = {
    "MAFT+ ConvNeXt-L": (15.1, 21.6, 36.1, 59.4, 96.5, None),
    "MaskCLIP++ EVA-L": (16.8, 23.9, 38.2, 62.5, 96.8, None),
    "SED ConvNeXt-L": (13.7, 22.1, 35.3, 60.9, 96.1, None),
    "FC-CLIP ConvNeXt-L": (14.8, 18.2, 34.1, 58.4, 95.4, 81.8),
}

#: The CAT-Seg figure is ESC-Net's.
COST_METRICS = ("MACs (G)", "Params (M)")
COST_ROWS: dict[str, tuple[float | None, ...]] = {
    "ESC-Net ViT-L/14": (2203.5, 451),
    "CAT-Seg ViT-L/14": (2121.1, None),
}
COST_NOTES = {
    "CAT-Seg ViT-L/14": "how 2,121.1 G was counted is not known; the arithmetic of the released code,"
    " counted beside it, is more",
}

#: ViT-L/14.
SAM_BLOCK_ROWS: dict[str, tuple[float, ...]] = {
    "without SAM block": (4.8, 11.7, 24.2, 50.4, 89.4),
    "SAM block from random weights": (5.9, 15.8, 28.4, 55.9, 91.5),
    "pre-trained SAM block": (18.1, 27.0, 41.8, 65.6, 98.3),
}
SAM_BLOCK_NOTES = {
    "without SAM block": "CAT-Seg, which has no SAM either, is published with 16.0 on A-847 and 37.9 on"
    " A-150: this row is far below what a model of that kind reaches",
}

#: Images per second of ViT-B/16, run by the authors of a paper that cites both.
SPEED_SOURCE = "a re-run of both by a paper that cites ESC-Net; its hardware is not known here"
SPEED_METRICS = ("FPS, 19 classes", "FPS, 58 classes", "FPS, 150 classes")
SPEED_ROWS: dict[str, tuple[float, ...]] = {
    "CAT-Seg ViT-B/16": (15.4, 10.6, 5.7),
    "ESC-Net ViT-B/16": (15.0, 9.9, 5.1),
}


def semantic_tables() -> list[Reported]:
    """Every number: main table, costs, ablation of the SAM block, speed."""
    others = "their papers, as gathered from public digests"
    return [
        *numbers_of(MAIN, SET_METRICS, ESCNET_ROWS, f"{ESCNET}, main table"),
        *numbers_of(MAIN, SET_METRICS, CATSEG_ROWS, f"{CATSEG}, Table 1"),
        *numbers_of(MAIN, SET_METRICS, OTHER_ROWS, others),
        *numbers_of(MAIN, COST_METRICS, COST_ROWS, f"{ESCNET}, comparison of costs", COST_NOTES),
        *numbers_of(SAM_BLOCK, SET_METRICS[:5], SAM_BLOCK_ROWS, f"{ESCNET}, ablation", SAM_BLOCK_NOTES),
        *numbers_of(SPEED, SPEED_METRICS, SPEED_ROWS, SPEED_SOURCE),
    ]
