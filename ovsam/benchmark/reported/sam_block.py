"""Published numbers of ESC-Net's SAM block, beside the model that ESC-Net is made from."""

from ovsam.benchmark.reported.number import Reported, numbers_of

ESCNET = "ESC-Net (CVPR 2025, arXiv 2411.14723), ablation of the SAM block, ViT-L/14@336"
CATSEG = "CAT-Seg (CVPR 2024, arXiv 2303.11797), Table 1, ViT-L/14@336"

#: mIoU in percent.
METRICS = ("A-847", "PC-459", "A-150", "PC-59", "PAS-20")
ROWS: dict[str, tuple[float, ...]] = {
    "without SAM block": (4.8, 11.7, 24.2, 50.4, 89.4),
    "SAM block from random weights": (5.9, 15.8, 28.4, 55.9, 91.5),
    "pre-trained SAM block": (18.1, 27.0, 41.8, 65.6, 98.3),
}
NOTES = {
    "without SAM block": "CAT-Seg, which has no SAM block either, reaches 37.9 on A-150",
}
RIVAL: dict[str, tuple[float, ...]] = {"CAT-Seg": (16.0, 23.8, 37.9, 63.3, 97.0)}


def sam_block_tables() -> list[Reported]:
    """Every number."""
    return [
        *numbers_of("escnet-sam-block", METRICS, ROWS, ESCNET, NOTES),
        *numbers_of("escnet-sam-block", METRICS, RIVAL, CATSEG),
    ]
