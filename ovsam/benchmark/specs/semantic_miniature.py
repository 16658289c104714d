"""Tables of the semantic miniature: CAT-Seg and ESC-Net on the label maps of `shapes`."""

from dataclasses import replace

from ovsam.benchmark.records import SEMANTIC
from ovsam.benchmark.reported.semantic import MAIN, SAM_BLOCK
from ovsam.benchmark.specs.spec import Column, FileTable, Row, TableSpec

RESULTS = ("mini/semantic.json",)
SIZE, HIDDEN = "Size of the region", "Hidden part of the object"

#: Every object gets its colour right and one of the 10 shapes at random. With equally many pixels of
#: each class, a tenth of a class is found, and of each of the m other evaluated classes of its colour a
#: tenth is taken for it: IoU = 0.1 / (1 + 0.1 m). A colour has 8 evaluated classes (6 base, 2 novel),
#: the last 9 (6 base, 3 novel).
_EIGHT, _NINE = 100 * 0.1 / 1.7, 100 * 0.1 / 1.8
COLOUR_FLOOR = (
    ("miou", (56 * _EIGHT + 9 * _NINE) / 65),
    ("miou_seen", (42 * _EIGHT + 6 * _NINE) / 48),
    ("miou_unseen", (14 * _EIGHT + 3 * _NINE) / 17),
    ("pixel_accuracy", 10.0),
)

ROWS = (
    Row("mini/catseg", "CAT-Seg", reported="CAT-Seg ViT-L/14", published=MAIN),
    Row("mini/escnet_no_sam_block", "ESC-Net, without SAM block", reported="without SAM block"),
    Row(
        "mini/escnet_random_sam_block",
        "ESC-Net, SAM block from random weights",
        reported="SAM block from random weights",
    ),
    Row("mini/escnet", "ESC-Net (the method)", reported="pre-trained SAM block"),
    Row("mini/dense_clip", "The small CLIP's dense map alone"),
)
COLUMNS = (
    Column("miou", "mIoU", SEMANTIC, reported="A-150 mIoU"),
    Column("miou_seen", "base", SEMANTIC),
    Column("miou_unseen", "novel", SEMANTIC),
    Column("harmonic_mean", "harmonic", SEMANTIC),
    Column("pixel_accuracy", "pixel accuracy", SEMANTIC),
    Column("seeds", "seeds", SEMANTIC),
)
REGION_COLUMNS = (
    Column("miou_small", "small", SEMANTIC, SIZE),
    Column("miou_medium", "medium", SEMANTIC, SIZE),
    Column("miou_large", "large", SEMANTIC, SIZE),
    Column("miou_whole", "none", SEMANTIC, HIDDEN),
    Column("miou_partly_hidden", "up to 10 %", SEMANTIC, HIDDEN),
    Column("miou_much_hidden", "more", SEMANTIC, HIDDEN),
)


def _label_map_row(row: Row) -> tuple[str, tuple[str, ...]]:
    parts = ("miou", "base", "novel", "background", "objects")
    places = ("threshold_percent", *(f"test.{part}" for part in parts))
    return row.title, tuple(f"{row.config}.{place}" for place in places)


SEMANTIC_MINI_TABLES: dict[str, TableSpec | FileTable] = {
    "mini-semantic": TableSpec(
        name="mini-semantic",
        title="CAT-Seg and ESC-Net in miniature",
        results=RESULTS,
        dataset="shapes test",
        rows=(*ROWS, Row("", "Floor: right colour, shape guessed", COLOUR_FLOOR)),
        columns=COLUMNS,
        notes=(
            "500 pictures of the test split of `shapes`, everything trained from scratch, the models on"
            " pixels of the 48 base classes; mIoU in percent over the classes that occur, mean ± sample"
            " standard deviation over seeds. Only pixels of base and novel classes count; all 80 names"
            " may be answered. The small CLIP below all rows learnt from boxes and names of all 80"
            " classes: novel are those whose pixels no semantic model was trained on. The floor guesses"
            " one of 10 shapes, and supposes that all classes have equally many pixels.",
            "Beside it what the papers report at full size (ViT-L/14@336) on A-150, for the order of the"
            " rows only: numbers of a miniature and of the full size cannot be compared. What is not"
            " measured: `make semantic`.",
        ),
        published=SAM_BLOCK,
        has_differences=False,
    ),
    "mini-semantic-regions": TableSpec(
        name="mini-semantic-regions",
        title="The same runs by size of the region and by hidden part of the object: mIoU",
        results=RESULTS,
        dataset="shapes test",
        rows=tuple(replace(row, reported="", published="") for row in ROWS),
        columns=REGION_COLUMNS,
        notes=(
            "Each column counts the pixels of its regions only. Small: below 500 px, large: from 900 px"
            " of 128 x 128; a third of the objects each, about. At most a quarter of one is hidden.",
        ),
    ),
    "label-maps": FileTable(
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
        rows=tuple(_label_map_row(row) for row in ROWS),
        notes=(
            "200 pictures of the test split, all 80 names asked for; a pixel whose best class has less"
            " than the threshold is background, which counts like a class. IoU in percent, mean ± sample"
            " standard deviation over three seeds. Each method's threshold, in percent of probability,"
            " is the best of 0, 5, ... 95 on 200 pictures of the validation split; of the dense map,"
            " whose scores are sigmoids of cosines, of 60, 61, ... 73. Measured with"
            " tools/measure_label_maps.py.",
        ),
        states=tuple(
            (f"{row.config}.{place}", value)
            for row in ROWS
            for place, value in (("world_seed", 0), ("num_images", 200), ("seeds", 3))
        ),
    ),
    "semantic-timing": FileTable(
        name="semantic-timing",
        title="How long `make semantic` takes: two CPU cores, one seed",
        file="mini/semantic_timing.json",
        header=("Stage", "seconds"),
        rows=(
            ("data", ("seconds_of_stages.data",)),
            ("small CLIP ViT", ("seconds_of_stages.train clip_vit_dense",)),
            ("small SAM (beside it)", ("seconds_of_stages.train sam_vit",)),
            ("CAT-Seg", ("seconds_of_stages.train catseg",)),
            ("ESC-Net", ("seconds_of_stages.train escnet",)),
            ("all stages and tests, two side by side", ("provenance.seconds",)),
            ("processor time of all stages", ("cpu_seconds",)),
        ),
        notes=("Timed with a loss that left the background out, the rest as now. Set-up comes on top.",),
        states=(("command", "make semantic SEEDS=1"), ("provenance.device", "cpu")),
    ),
}
