"""Tables of open-vocabulary semantic segmentation: CAT-Seg and ESC-Net beside their published numbers.

Costs are counted without weights; what needs weights says so. Records come from
`tools/test.py CONFIG --sets all`.
"""

from ovsam.benchmark.reported.semantic import MAIN, SAM_BLOCK, SPEED, semantic_tables
from ovsam.benchmark.specs.spec import NEEDS_WEIGHTS, Column, FileTable, ReportedTable, Row, TableSpec

SEMANTIC = "semantic"
RESULTS = ("escnet/results.json", "catseg/results.json", "ablations/results.json")
#: Title of each set, and the end of the name of its config in `configs/escnet`.
SETS = {
    "A-847": "a847",
    "PC-459": "pc459",
    "A-150": "a150",
    "PC-59": "pc59",
    "PAS-20": "pas20",
    "PAS-20b": "pas20b",
}
ESCNET, CATSEG = "escnet/escnet_{}_cocostuff_80k", "catseg/catseg_{}_cocostuff_80k"
LARGE, BASE = "vitl14", "vitb16"
#: The same model, each on one set.
EVALUATIONS = tuple(f"escnet/eval_{name}" for name in SETS.values())
#: Set whose record is looked at for the cost of a row: that with 150 classes.
COUNTED_ON = "A-150"

COSTS = (
    Column("macs", "MACs (G)", SEMANTIC, dataset=COUNTED_ON, reported="MACs (G)"),
    Column("params", "Params (M)", SEMANTIC, dataset=COUNTED_ON, reported="Params (M)"),
)
COST_NOTE = (
    "Multiply-adds of five views (four windows and the whole image) at 150 classes, text features known;"
    " parameters with the text tower; both counted here without weights."
)


def _columns(*titles: str) -> tuple[Column, ...]:
    """Mean IoU on each set."""
    return tuple(Column("miou", t, SEMANTIC, dataset=t, reported=f"{t} mIoU") for t in titles)


def _notes(table: str) -> tuple[str, ...]:
    """What the published numbers say of themselves."""
    found = [n for n in semantic_tables() if n.table == table and n.note]
    return tuple(dict.fromkeys(f"{number.row}: {number.note}." for number in found))


def _ablation(name: str, title: str, reported: str = "") -> Row:
    return Row(f"ablations/escnet/{name}", title, reported=reported)


def _others() -> tuple[Row, ...]:
    """Published methods that are not built here."""
    ours = ("ESC-Net", "CAT-Seg")
    rows = dict.fromkeys(n.row for n in semantic_tables() if n.table == MAIN)
    return tuple(Row("", row, reported=row) for row in rows if not row.startswith(ours))


SEMANTIC_MAIN = TableSpec(
    name="semantic",
    title="Open-vocabulary semantic segmentation, trained on COCO-Stuff: mIoU",
    results=RESULTS,
    dataset=COUNTED_ON,
    rows=(
        Row(ESCNET.format(LARGE), "ESC-Net ViT-L/14", also=EVALUATIONS, reported="ESC-Net ViT-L/14"),
        Row(ESCNET.format(BASE), "ESC-Net ViT-B/16", reported="ESC-Net ViT-B/16"),
        Row(CATSEG.format(LARGE), "CAT-Seg ViT-L/14", reported="CAT-Seg ViT-L/14"),
        Row(CATSEG.format(BASE), "CAT-Seg ViT-B/16", reported="CAT-Seg ViT-B/16"),
        *_others(),
    ),
    columns=(*_columns(*SETS), *COSTS),
    notes=(COST_NOTE, *_notes(MAIN)),
    published=MAIN,
    missing=NEEDS_WEIGHTS,
)

ESCNET_ABLATIONS = TableSpec(
    name="escnet-ablations",
    title="Ablations of ESC-Net ViT-L/14: mIoU",
    results=RESULTS,
    dataset=COUNTED_ON,
    rows=(
        _ablation("sam_block_none", "without SAM block", "without SAM block"),
        _ablation("sam_block_random", "SAM block from random weights", "SAM block from random weights"),
        Row(
            ESCNET.format(LARGE),
            "pre-trained SAM block; points and masks, N = 4, N_o = 5, SAM's tokens kept",
            also=EVALUATIONS,
            reported="pre-trained SAM block",
        ),
        _ablation("prompts_point", "prompts: points"),
        _ablation("prompts_mask", "prompts: masks"),
        _ablation("prompts_box", "prompts: boxes"),
        _ablation("blocks_1", "blocks: N = 1"),
        _ablation("blocks_2", "blocks: N = 2"),
        _ablation("regions_1", "regions of a class: N_o = 1"),
        _ablation("regions_10", "regions of a class: N_o = 10"),
        _ablation("tokens_dropped", "without SAM's own tokens"),
    ),
    columns=(
        *_columns("A-847", "PC-459", "A-150", "PC-59", "PAS-20"),
        Column("macs", "MACs (G)", SEMANTIC, dataset=COUNTED_ON),
        Column("params", "Params (M)", SEMANTIC, dataset=COUNTED_ON),
    ),
    notes=(
        "Of the prompts the paper says that points with masks are best and boxes poor.",
        *_notes(SAM_BLOCK),
    ),
    published=SAM_BLOCK,
    missing=NEEDS_WEIGHTS,
)


def _speed() -> ReportedTable:
    """The published re-run; what is measured here stands in a table of its own."""
    numbers = [number for number in semantic_tables() if number.table == SPEED]
    metrics = tuple(dict.fromkeys(number.metric for number in numbers))
    values = {(number.row, number.metric): number.value for number in numbers}
    rows = dict.fromkeys(number.row for number in numbers)
    return ReportedTable(
        name="semantic-speed-reported",
        title="Images per second, reported",
        header=("Method", *metrics),
        rows=tuple((row, *(f"{values[row, metric]:.1f}" for metric in metrics)) for row in rows),
        notes=(f"Source: {numbers[0].source}.",),
    )


def _memory() -> FileTable:
    """The largest test that is promised to fit, as the benchmark's file has it."""
    run = "runs.escnet_vitl14_cocostuff_80k_cpu_float32_847_640x640"
    names = ("weights_gb", "tensors_gb", "estimated_gb", "process_before_gb", "measured_gb")
    return FileTable(
        name="semantic-memory",
        title="Memory of ESC-Net ViT-L/14 with 847 classes at 640x640, float32, GB",
        file="escnet/benchmark.json",
        header=("Device", "weights", "tensors at the peak", "estimate", "libraries", "measured"),
        rows=(("CPU", tuple(f"{run}.{name}" for name in names)),),
        notes=(
            "Estimate: weights and all tensors that live at one time, added up without computing."
            " Measured: the largest resident memory of the process, libraries included, with random"
            " weights and one of the five views computed (they come one after the other; each has logits"
            " of its own).",
        ),
        states=((f"{run}.config", ESCNET.format(LARGE)), (f"{run}.views_computed", "first")),
    )


SEMANTIC_TABLES: dict[str, TableSpec | ReportedTable | FileTable] = {
    table.name: table for table in (SEMANTIC_MAIN, ESCNET_ABLATIONS, _speed(), _memory())
}
