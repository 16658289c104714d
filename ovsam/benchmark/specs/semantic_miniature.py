"""Tables of the semantic miniature: CAT-Seg and ESC-Net on the label maps of `shapes`."""

from dataclasses import replace

from ovsam.benchmark.specs.semantic import ESCNET_ABLATIONS, MAIN, SAM_BLOCK, SEMANTIC
from ovsam.benchmark.specs.spec import FileTable, Row, TableSpec, columns

#: Every object gets its colour right and one of the 10 shapes at random. With equally many pixels of
#: each class, a tenth of a class is found, and of each of the m other evaluated classes of its colour a
#: tenth is taken for it: IoU = 0.1 / (1 + 0.1 m). A colour has 8 evaluated classes (6 base, 2 novel),
#: the last 9 (6 base, 3 novel).
_EIGHT, _NINE = 100 * 0.1 / 1.7, 100 * 0.1 / 1.8
COLOUR_FLOOR = {
    "miou": (56 * _EIGHT + 9 * _NINE) / 65,
    "miou_seen": (42 * _EIGHT + 6 * _NINE) / 48,
    "miou_unseen": (14 * _EIGHT + 3 * _NINE) / 17,
    "pixel_accuracy": 10.0,
}


def _mini_row(title: str, config: str, table: TableSpec, published: str) -> Row:
    """A row beside what is published on A-150."""
    return Row(title, f"mini/{config}", table.reported(published)[2:3])


MINI_ROWS = (
    _mini_row("CAT-Seg", "catseg", MAIN, "CAT-Seg ViT-L/14"),
    _mini_row(
        "ESC-Net, without SAM block", "escnet_no_sam_block", ESCNET_ABLATIONS, "without SAM block"
    ),
    _mini_row(
        "ESC-Net, SAM block from random weights",
        "escnet_random_sam_block",
        ESCNET_ABLATIONS,
        "SAM block from random weights",
    ),
    _mini_row("ESC-Net (the method)", "escnet", ESCNET_ABLATIONS, SAM_BLOCK),
    Row("The small CLIP's dense map alone", "mini/dense_clip"),
)
SIZE, HIDDEN = "Size of the region", "Hidden part of the object"

MINI = TableSpec(
    name="mini-semantic",
    title="CAT-Seg and ESC-Net in miniature",
    results=("mini/semantic.json",),
    dataset="shapes test",
    rows=(*MINI_ROWS, Row("Floor: right colour, shape guessed", values=COLOUR_FLOOR)),
    columns=columns(
        SEMANTIC,
        miou="mIoU",
        miou_seen="base",
        miou_unseen="novel",
        harmonic_mean="harmonic",
        pixel_accuracy="pixel accuracy",
        seeds="seeds",
    ),
    notes=(
        "500 pictures of the test split of `shapes`; all start from the released small dense CLIP, SAM's"
        " parts from the released small SAM, and are trained on pixels of the 48 base classes; mIoU in"
        " percent over the classes that occur, mean ± sample standard deviation over seeds. Only"
        " pixels of base and novel classes count; all 80 names may be answered. CLIP learnt from"
        " captions, in which all 80 names occur: novel are those whose pixels no semantic model was"
        " trained on. The floor guesses one of 10 shapes, and supposes that all"
        " classes have equally many pixels.",
        "Beside it what the papers report at full size (ViT-L/14@336) on A-150, for the order of the"
        " rows only: numbers of a miniature and of the full size cannot be compared. What is not"
        " measured: `make semantic`.",
    ),
    has_differences=False,
)

MINI_REGIONS = TableSpec(
    name="mini-semantic-regions",
    title="The same runs by size of the region and by hidden part of the object: mIoU",
    results=("mini/semantic.json",),
    dataset="shapes test",
    rows=tuple(replace(row, reported=()) for row in MINI_ROWS),
    columns=(
        *columns(SEMANTIC, SIZE, miou_small="small", miou_medium="medium", miou_large="large"),
        *columns(
            SEMANTIC, HIDDEN, miou_whole="none", miou_partly_hidden="up to 10 %", miou_much_hidden="more"
        ),
    ),
    notes=(
        "Each column counts the pixels of its regions only. Small: below 1,300 px, large: from 2,300 px"
        " of 192 x 192; a third of the objects each, about. At most a half of one is hidden.",
    ),
)

LABEL_MAPS = FileTable(
    name="label-maps",
    title="Objects and background told apart by a threshold of the score",
    file="mini/label_maps.json",
    header=(
        "Method",
        "Threshold (%)",
        "mIoU with background",
        "base",
        "novel",
        "background",
        "all objects as one",
    ),
    rows={row.title: f"{row.config}.{{}}" for row in MINI_ROWS},
    parts=(
        "threshold_percent",
        *(f"test.{part}" for part in ("miou", "base", "novel", "background", "objects")),
    ),
    notes=(
        "200 pictures of the test split, all 80 names asked for; a pixel whose best class has less"
        " than the threshold is background, which counts like a class. IoU in percent. Each method's"
        " threshold, in percent of probability, is the best of 0, 5, ... 95 on 200 pictures of the"
        " validation split; of the dense map, whose scores are sigmoids of cosines, of 60, 61, ... 73."
        " Measured with tools/measure_label_maps.py.",
    ),
    states={
        f"{row.config}.{place}": value
        for row in MINI_ROWS
        for place, value in (("world_seed", 0), ("num_images", 200), ("seeds", 1))
    },
)

SEMANTIC_MINI_TABLES = (MINI, MINI_REGIONS, LABEL_MAPS)
