"""Tables of the miniature: the embedded benchmark `shapes`."""

from dataclasses import replace

from ovsam.benchmark.specs.paper import ACCURACIES, MAIN, RECOGNITION, TABLE_7_LEFT, TABLE_7_RIGHT
from ovsam.benchmark.specs.spec import Column, FileTable, Row, TableSpec, columns

RESULTS = ("mini/results.json",)
#: Every row of `make ablations` from one run, those of the quickstart too: rows of one seed compare.
ABLATION_RESULTS = ("mini/ablations.json",)
DATASET = "shapes test"
BOX, POINT = ("box", "Boxes"), ("center_point", "Centre points")
SEEDS = Column("seeds", "seeds", "box")

#: In `shapes` one of the evaluated classes of the right colour, drawn at random, is right this often:
#: 65 classes share 8 colours. A colour has 8 of them (6 base, 2 novel), the last 9 (6 base, 3 novel).
COLOUR_FLOOR = {
    "accuracy": 100 * 8 / 65,
    "accuracy_base": 100 * (42 / 8 + 6 / 9) / 48,
    "accuracy_novel": 100 * (14 / 8 + 3 / 9) / 17,
}
ROWS = (
    Row("Small SAM (masks only)", "mini/sam_vit"),
    Row("SAM2CLIP only", "mini/sam2clip_only"),
    Row("Image-Crop, box of the mask", "mini/image_crop"),
    Row("Image-Crop, box of the prompt", "mini/image_crop_prompt_box"),
    Row("Feature-Crop", "mini/feature_crop"),
    Row("Open-Vocabulary SAM, all names in the softmax", "mini/ovsam_all_names"),
    Row("Open-Vocabulary SAM (base names in the softmax)", "mini/ovsam_rn"),
    Row("Open-Vocabulary SAM, head alone", "mini/ovsam_head"),
    Row("Open-Vocabulary SAM, fusion with an image crop", "mini/ovsam_image_crop"),
    Row("Floor: right colour, shape guessed", values=COLOUR_FLOOR),
)
PAPER_NOTE = (
    "Beside them what the paper reports at full size on COCO, for the order of the rows only: numbers of"
    " a miniature and of the full size cannot be compared. Mean ± sample standard deviation over seeds."
    " What is not measured: `make ablations`."
)

MAIN_TABLE = TableSpec(
    name="mini",
    title="The main table in miniature",
    results=RESULTS,
    dataset=DATASET,
    rows=ROWS,
    columns=(
        *columns(*BOX, **RECOGNITION),
        *columns(*POINT, **RECOGNITION),
        *columns(macs="MACs (G)", params="Params (M)"),
    ),
    notes=(
        "Embedded benchmark `shapes`, test split; SAM2CLIP and CLIP2SAM trained on the released small"
        " CLIP and small SAM; percent, mean ± sample standard deviation over seeds. Rows that train"
        " nothing are the same for all seeds. Open-Vocabulary SAM fuses its head with CLIP's feature"
        " crop as published, unless the row says otherwise; all names in the softmax is the published"
        " training. Multiply-adds of one image with 10 prompts, text tower left out. The floor guesses"
        " one of the evaluated shapes of the right colour, 8 or 9 of 10.",
    ),
)

BY_CLASS = dict(
    iou="IoU", accuracy_base="base Acc", accuracy_novel="novel Acc", harmonic_mean="harmonic"
)
ACCURACY_TABLE = TableSpec(
    name="mini-accuracy",
    title="The same runs, base and novel classes apart",
    results=RESULTS,
    dataset=DATASET,
    rows=ROWS,
    columns=(
        *columns(*BOX, **BY_CLASS),
        *columns(*POINT, **BY_CLASS),
        *columns("box", num_base="n base", num_novel="n novel", seeds="seeds"),
    ),
    notes=("The pooled accuracy above is mostly that of the base classes; here they stand apart.",),
)


def _adapter_row(title: str, config: str) -> Row:
    """A row beside the boxes on COCO of the main table."""
    return Row(title, f"mini/{config}", MAIN.reported(title)[:3])


#: The main table with the rows that train something of their own: `make ablations`.
BASELINES = TableSpec(
    name="mini-baselines",
    title="Baselines and adapters in miniature",
    results=ABLATION_RESULTS,
    dataset=DATASET,
    rows=(
        _adapter_row("Image-Crop", "image_crop"),
        _adapter_row("Feature-Crop", "feature_crop"),
        _adapter_row("Image-Crop + Adapter1", "image_crop_adapter1"),
        _adapter_row("Feature-Crop + Adapter1", "feature_crop_adapter1"),
        _adapter_row("Feature-Crop + Adapter2", "feature_crop_adapter2"),
        _adapter_row("Feature-Crop + Adapter3", "feature_crop_adapter3"),
        _adapter_row("Open-Vocabulary SAM", "ovsam_rn"),
    ),
    columns=(
        *columns(*BOX, **RECOGNITION, accuracy_base="base Acc", accuracy_novel="novel Acc"),
        *columns(*POINT, accuracy="Acc"),
    ),
    notes=(PAPER_NOTE,),
    has_differences=False,
)


def _naming_row(title: str, config: str, published: str) -> Row:
    """A row beside IoU and accuracy of table 7, right."""
    return Row(title, f"mini/{config}", TABLE_7_RIGHT.reported(published)[:2])


FUSED = "+ class token & CLIP MLP fusion"
ABLATIONS = TableSpec(
    name="mini-ablations",
    title="Ablations in miniature",
    results=ABLATION_RESULTS,
    dataset=DATASET,
    rows=(
        Row("Table 7: SAM", "mini/sam_vit", TABLE_7_LEFT.reported("SAM")[:1]),
        Row("Table 4: SAM, fine-tuned", "mini/sam_vit_finetuned"),
        _naming_row("Table 7: SAM2CLIP only", "sam2clip_only", "SAM2CLIP only"),
        Row("Table 7: SAM2CLIP only, single-scale neck", "mini/sam2clip_single_level_only"),
        Row("SAM2CLIP only, convolutional neck", "mini/sam2clip_convolutional_only"),
        _naming_row("Table 7: + class token", "ovsam_class_token", "+ class token"),
        _naming_row(f"Table 7: {FUSED}", "ovsam_class_token_clip_fusion", FUSED),
        _naming_row("Table 7: + FPN (the method)", "ovsam_rn", "+ light FPN (Open-Vocabulary SAM)"),
        Row("four mask tokens and a quality head", "mini/ovsam_multimask"),
        Row("all names in the softmax of training", "mini/ovsam_all_names"),
        Row("fusion: the head alone", "mini/ovsam_head"),
        Row("fusion: equal shares", "mini/ovsam_fusion_equal"),
        Row("fusion: CLIP, the head where the mask covers no cell", "mini/ovsam_clip_only"),
        Row("the head reads the prompt's box", "mini/ovsam_roi_box_prompt"),
        Row("trained with boxes only", "mini/ovsam_boxes_only"),
        Row("trained with points only", "mini/ovsam_points_only"),
    ),
    columns=(
        *columns(*BOX, **ACCURACIES),
        *columns(*POINT, iou="IoU", accuracy="Acc", accuracy_novel="novel Acc"),
        SEEDS,
    ),
    notes=(
        PAPER_NOTE,
        "Table 8's other encoders, `mini/sam2clip_rn_wide_only` and `mini/sam2clip_vit_only`, are no"
        " part of `make ablations`: `python tools/sweep.py mini/sam2clip_rn_wide_only"
        " mini/sam2clip_vit_only --with-needs`.",
    ),
    has_differences=False,
)

TIMING = FileTable(
    name="timing",
    title="How long `make quickstart` takes: two CPU cores that do nothing else, one seed",
    file="mini/timing.json",
    header=("Stage", "seconds"),
    rows={
        "data": "seconds_of_stages.data",
        "SAM2CLIP": "seconds_of_stages.train sam2clip_rn",
        "CLIP2SAM": "seconds_of_stages.train ovsam_rn",
        "CLIP2SAM, all names (beside it)": "seconds_of_stages.train ovsam_all_names",
        "all stages and tests, two side by side": "provenance.seconds",
        "set-up before it": "seconds_of_setup",
    },
    states={"command": "make quickstart SEEDS=1", "provenance.device": "cpu"},
)
TIMING_SLOW = replace(
    TIMING,
    name="timing-slow",
    title="A slower day, on a machine of the same name, which may serve others too",
    file="mini/timing_slow.json",
)

EVERYTHING_STATES = {"config": "mini/ovsam_rn", "world_seed": 0, "num_images": 50, "points_per_side": 16}
EVERYTHING = FileTable(
    name="everything",
    title="Everything mode by the least stability of a mask: 50 pictures, 16 x 16 clicks",
    file="mini/everything.json",
    header=("Least stability", "Recall (%)", "Precision (%)", "F1 (%)", "Masks per picture", "Objects"),
    rows={
        **{f"0.{percent}": f"val.at_stability.{percent}.{{}}" for percent in (60, 70, 75, 80, 85, 90)},
        "0.75, test split": "test.at_stability.75.{}",
    },
    parts=("recall", "precision", "f1", "masks_per_image", "num_objects"),
    notes=(
        "Percent; validation split but for the last row. An object is found where a mask has IoU 0.5"
        " with it; each mask counts for one object at most. The default is the threshold with the best"
        " F1 of those that find 80 % or more: 0.75. Measured with tools/measure_everything.py.",
    ),
    states={f"{split}.{k}": v for split in ("val", "test") for k, v in EVERYTHING_STATES.items()},
)

NAMES_TABLE = FileTable(
    name="names",
    title="Pictures of one thing, named by the small CLIP out of all 24,000 names",
    file="mini/names.json",
    header=("What is shown", "Top 1", "Top 5", "Colour", "Shape", "Pattern", "Its colour"),
    rows={
        "plain things": "names.plain.{}",
        "patterned things": "names.patterned.{}",
        "combinations never shown in pre-training": "names.held_out.{}",
    },
    parts=("top_1", "top_5", "colour", "shape", "pattern", "second"),
    notes=(
        "Percent of 1,000 drawn pictures of 64 px in each row; the attributes are those of the first"
        " answer. Chance is 0.004 for top 1 and 0.02 for top 5. Measured with tools/measure_names.py.",
    ),
    states={"config": "mini/clip_rn", "num_names": 24000, "num_pictures": 1000, "world_seed": 1},
)

LATENCY = FileTable(
    name="latency",
    title="Wall-clock time of a further click on an opened picture: ovsam_rn, CPU",
    file="mini/latency.json",
    header=("Through", "Median (ms)", "95th percentile (ms)", "Encoder runs for all clicks"),
    rows={
        "the predictor: mask, name, vector": "milliseconds.predictor.{}",
        "the page's server: drawn picture and files, too": "milliseconds.page.{}",
        "headless Chromium: until it is shown": "milliseconds.browser.{}",
    },
    parts=("median", "p95", "encoder_runs"),
    notes=(
        "The one encoder run of a way is that of opening the picture; the browser opens the same picture"
        " as the page before it."
        " Measured with tests/demo/measure_clicks.py --browser on an idle machine.",
    ),
    states={"config": "mini/ovsam_rn", "provenance.device": "cpu"},
)

#: What is compared -> pair of configs, prompts and seed, and place of the group and metric.
_DIFFERENCES = {
    "IoU: the small SAM": ("image_crop_ovsam_rn", "all.iou"),
    "Accuracy: Image-Crop, box of the mask": ("image_crop_ovsam_rn", "all.accuracy"),
    "Accuracy: Image-Crop, box of the prompt": ("image_crop_prompt_box_ovsam_rn", "all.accuracy"),
    "Accuracy: Feature-Crop": ("feature_crop_ovsam_rn", "all.accuracy"),
    "Accuracy, small objects: Image-Crop, box of the mask": ("image_crop_ovsam_rn", "small.accuracy"),
    "Accuracy: the head alone": ("ovsam_head_ovsam_rn", "all.accuracy"),
    "Accuracy, base: the head alone": ("ovsam_head_ovsam_rn", "base.accuracy"),
    "Accuracy, novel: the head alone": ("ovsam_head_ovsam_rn", "novel.accuracy"),
    "Accuracy, novel: all names in the softmax": ("ovsam_all_names_ovsam_rn", "novel.accuracy"),
}
DIFFERENCES = FileTable(
    name="mini-differences",
    title="Open-Vocabulary SAM against others on the same objects, seed 0",
    file="mini/differences.json",
    header=("What, against what", "the other", "Open-Vocabulary SAM", "difference", "from", "to", "n"),
    rows={
        f"{title}, {shown}": f"pairs.{pair}_{prompts}_test.groups.{place}.{{}}"
        for prompts, shown in (("box", "boxes"), ("center_point", "centre points"))
        for title, (pair, place) in _DIFFERENCES.items()
    },
    parts=("first", "second", "difference", "low", "high", "num"),
    number_format=".1f",
    states={
        f"pairs.{pair}_{prompts}_test.{place}": value
        for pair, _ in _DIFFERENCES.values()
        for prompts in ("box", "center_point")
        for place, value in (("dataset", "shapes test"), ("second.seed", 0), ("resamples", 2000))
    },
    notes=(
        "Percent; from and to: the 95 % interval of the difference, a bootstrap over the pictures of the"
        " test split. Small: below 32 x 32 px. Measured with tools/compare.py.",
    ),
)

MINI_TABLES = (
    MAIN_TABLE,
    ACCURACY_TABLE,
    DIFFERENCES,
    BASELINES,
    ABLATIONS,
    TIMING,
    TIMING_SLOW,
    NAMES_TABLE,
    EVERYTHING,
    LATENCY,
)
