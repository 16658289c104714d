"""Tables of joint training in miniature: Table 5's claim on the drawn world."""

from ovsam.benchmark.records import vocabulary_prompts
from ovsam.benchmark.specs.miniature import BOX, DATASET
from ovsam.benchmark.specs.spec import Column, Row, TableSpec, columns

#: Joint training: `make joint`. Rows by what is learnt from.
RESULTS = ("mini/joint.json",)
SCENES, ALONE = "shapes scenes of labels test", "shapes pictures of labels test"
ROWS = tuple(
    Row(title, f"mini/{config}", also=(f"mini/{config}_scenes", f"mini/{config}_alone"))
    for title, config in (
        ("masks (48 classes)", "joint_masks"),
        ("+ boxes (1,235)", "joint_boxes"),
        ("+ image labels (19,961)", "joint_labels"),
        ("+ boxes and image labels", "joint_all"),
    )
)
SIZES = (80, 1203, 13204, 24000)


def _of_labels(group: str, dataset: str) -> tuple[Column, ...]:
    titles = dict(top_1="top 1", top_5="top 5", colour="colour", shape="shape", pattern="pattern")
    prompts = vocabulary_prompts("box", 24000)
    return tuple(Column(key, title, prompts, group, dataset) for key, title in titles.items())


JOINT_TABLE = TableSpec(
    name="mini-joint",
    title="Table 5 in miniature: joint training, named out of all 24,000 names",
    results=RESULTS,
    dataset=DATASET,
    rows=ROWS,
    columns=(
        *columns(*BOX, iou="IoU"),
        *columns(vocabulary_prompts("box", 24000), "Benchmark", top_1_base="base", top_1_novel="novel"),
        *_of_labels("Image labels only, alone", ALONE),
        *_of_labels("Image labels only, in scenes", SCENES),
        Column("seeds", "seeds", "box"),
    ),
    notes=(
        "Boxes as prompts, named out of all 24,000 names; percent, mean ± sample standard deviation over"
        " seeds; 400 test pictures of the benchmark. Base classes have masks in training, novel ones"
        " nothing. The others have pictures with a label in training, or nothing in the rows without"
        " them; they are tested alone in pictures, whose box is the picture, and in scenes. Colour,"
        " shape and pattern: the first answer has that of the true name. The first row trains nothing.",
    ),
)
SIZES_TABLE = TableSpec(
    name="mini-joint-sizes",
    title="The same runs on the benchmark, out of growing lists of names",
    results=RESULTS,
    dataset=DATASET,
    rows=tuple(Row(row.title, row.config) for row in ROWS),
    columns=tuple(
        Column(key, f"{size:,}", vocabulary_prompts("box", size), group)
        for key, group in (("top_1", "Top 1 of"), ("top_5", "Top 5 of"))
        for size in SIZES
    ),
    notes=("The tested classes are always among the names; larger lists hold the smaller ones.",),
)

JOINT_TABLES = (JOINT_TABLE, SIZES_TABLE)
