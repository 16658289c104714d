"""Tables of the miniature: the embedded benchmark `shapes`."""

from ovsam.benchmark.specs.spec import Column, FileTable, Row, TableSpec

BOX, POINT = "Boxes", "Centre points"

MAIN_COLUMNS = (
    Column("iou_base", "IoU_b", "box", BOX),
    Column("iou_novel", "IoU_n", "box", BOX),
    Column("accuracy", "Acc", "box", BOX),
    Column("iou_base", "IoU_b", "center_point", POINT),
    Column("iou_novel", "IoU_n", "center_point", POINT),
    Column("accuracy", "Acc", "center_point", POINT),
    Column("macs", "MACs (G)"),
    Column("params", "Params (M)"),
)

ACCURACY_COLUMNS = (
    Column("iou", "IoU", "box", BOX),
    Column("accuracy_base", "base Acc", "box", BOX),
    Column("accuracy_novel", "novel Acc", "box", BOX),
    Column("harmonic_mean", "harmonic", "box", BOX),
    Column("iou", "IoU", "center_point", POINT),
    Column("accuracy_base", "base Acc", "center_point", POINT),
    Column("accuracy_novel", "novel Acc", "center_point", POINT),
    Column("harmonic_mean", "harmonic", "center_point", POINT),
    Column("num_base", "n base", "box"),
    Column("num_novel", "n novel", "box"),
    Column("seeds", "seeds", "box"),
)

#: In `shapes` one of the evaluated classes of the right colour, drawn at random, is right this often:
#: 65 classes share 8 colours. A colour has 8 of them (6 base, 2 novel), the last 9 (6 base, 3 novel).
COLOUR_FLOOR = (
    ("accuracy", 100 * 8 / 65),
    ("accuracy_base", 100 * (42 / 8 + 6 / 9) / 48),
    ("accuracy_novel", 100 * (14 / 8 + 3 / 9) / 17),
)

MINI_ROWS = (
    Row("mini/sam_vit", "Small SAM (masks only)"),
    Row("mini/sam2clip_masks", "SAM2CLIP, frozen decoder (masks only)"),
    Row("mini/image_crop", "Image-Crop, box of the mask"),
    Row("mini/image_crop_prompt_box", "Image-Crop, box of the prompt"),
    Row("mini/feature_crop", "Feature-Crop"),
    Row("mini/ovsam_head", "Open-Vocabulary SAM, head only"),
    Row("mini/ovsam_rn", "Open-Vocabulary SAM (fusion with the feature crop)"),
    Row("mini/ovsam_image_crop", "Open-Vocabulary SAM, fusion with an image crop"),
    Row("", "Floor: right colour, shape guessed", COLOUR_FLOOR),
)

MINI_NOTE = (
    "Embedded benchmark `shapes`, test split, every stage trained from scratch; percent, mean ± sample"
    " standard deviation over seeds. Multiply-adds of one image with 10 prompts, text tower left out."
    " The floor guesses one of the evaluated shapes of the right colour, 8 or 9 of 10."
)


#: Every row of `make ablations` from one run, those of the quickstart too: rows of one seed compare.
ABLATION_RESULTS = ("mini/ablations.json",)

PAPER_NOTE = (
    "Beside them what the paper reports at full size on COCO, for the order of the rows only: numbers of"
    " a miniature and of the full size cannot be compared. Mean ± sample standard deviation over seeds."
    " What is not measured: `make ablations`."
)


ENCODER_NOTE = (
    "Table 8's other encoders, `mini/sam2clip_rn_wide_only` and `mini/sam2clip_vit_only`, are no part"
    " of `make ablations`: `python tools/sweep.py mini/sam2clip_rn_wide_only"
    " mini/sam2clip_vit_only --with-needs`."
)


def _adapter_row(config: str, title: str, reported: str = "") -> Row:
    return Row(f"mini/{config}", title, reported=reported or title)


#: The main table with the rows that train something of their own: `make ablations`.
MINI_BASELINE_ROWS = (
    _adapter_row("image_crop", "Image-Crop"),
    _adapter_row("feature_crop", "Feature-Crop"),
    _adapter_row("image_crop_adapter1", "Image-Crop + Adapter1"),
    _adapter_row("feature_crop_adapter1", "Feature-Crop + Adapter1"),
    _adapter_row("feature_crop_adapter2", "Feature-Crop + Adapter2"),
    _adapter_row("feature_crop_adapter3", "Feature-Crop + Adapter3"),
    _adapter_row("ovsam_rn", "Open-Vocabulary SAM"),
)
MINI_BASELINE_COLUMNS = (
    Column("iou_base", "IoU_b", "box", BOX, reported="COCO IoU_b"),
    Column("iou_novel", "IoU_n", "box", BOX, reported="COCO IoU_n"),
    Column("accuracy", "Acc", "box", BOX, reported="COCO Acc"),
    Column("accuracy_base", "base Acc", "box", BOX),
    Column("accuracy_novel", "novel Acc", "box", BOX),
    Column("accuracy", "Acc", "center_point", POINT),
)

MINI_ABLATION_ROWS = (
    Row("mini/sam_vit", "Table 7: SAM", reported="SAM", published="7 left"),
    Row("mini/sam_vit_finetuned", "Table 4: SAM, fine-tuned"),
    Row("mini/sam2clip_only", "Table 7: SAM2CLIP only", reported="SAM2CLIP only", published="7 right"),
    Row("mini/sam2clip_single_level_only", "Table 7: SAM2CLIP only, single-scale neck"),
    Row("mini/sam2clip_convolutional_only", "SAM2CLIP only, convolutional neck"),
    Row("mini/ovsam_class_token", "Table 7: + class token", reported="cls token", published="7 right"),
    Row(
        "mini/ovsam_class_token_clip_fusion",
        "Table 7: + class token & CLIP MLP fusion",
        reported="cls token & CLIP MLP fusion",
        published="7 right",
    ),
    Row("mini/ovsam_rn", "Table 7: + FPN (the method)", reported="light FPN", published="7 right"),
    Row("mini/ovsam_multimask", "four mask tokens and a quality head"),
    Row("mini/ovsam_all_names", "all names in the softmax of training"),
    Row("mini/ovsam_head", "fusion: the head alone"),
    Row("mini/ovsam_fusion_equal", "fusion: equal shares"),
    Row("mini/ovsam_clip_only", "fusion: CLIP, the head where the mask covers no cell"),
    Row("mini/ovsam_roi_box_prompt", "the head reads the prompt's box"),
    Row("mini/ovsam_boxes_only", "trained with boxes only"),
    Row("mini/ovsam_points_only", "trained with points only"),
)
MINI_ABLATION_COLUMNS = (
    Column("iou", "IoU", "box", BOX, reported="COCO IoU"),
    Column("accuracy", "Acc", "box", BOX, reported="COCO Acc"),
    Column("accuracy_base", "base Acc", "box", BOX),
    Column("accuracy_novel", "novel Acc", "box", BOX),
    Column("iou", "IoU", "center_point", POINT),
    Column("accuracy", "Acc", "center_point", POINT),
    Column("accuracy_novel", "novel Acc", "center_point", POINT),
    Column("seeds", "seeds", "box"),
)

EVERYTHING_NUMBERS = ("recall", "precision", "f1", "masks_per_image", "num_objects")


def _everything_row(title: str, split: str, percent: int) -> tuple[str, tuple[str, ...]]:
    return title, tuple(f"{split}.at_stability.{percent}.{name}" for name in EVERYTHING_NUMBERS)


def _latency_row(title: str, way: str) -> tuple[str, tuple[str, ...]]:
    return title, tuple(f"milliseconds.{way}.{name}" for name in ("median", "p95", "encoder_runs"))


MINI_TABLES: dict[str, TableSpec | FileTable] = {
    "mini": TableSpec(
        name="mini",
        title="The main table in miniature",
        results=("mini/results.json",),
        dataset="shapes test",
        rows=MINI_ROWS,
        columns=MAIN_COLUMNS,
        notes=(MINI_NOTE,),
    ),
    "mini-accuracy": TableSpec(
        name="mini-accuracy",
        title="The same runs, base and novel classes apart",
        results=("mini/results.json",),
        dataset="shapes test",
        rows=MINI_ROWS,
        columns=ACCURACY_COLUMNS,
        notes=("The pooled accuracy above is mostly that of the base classes; here they stand apart.",),
    ),
    "mini-baselines": TableSpec(
        name="mini-baselines",
        title="Baselines and adapters in miniature",
        results=ABLATION_RESULTS,
        dataset="shapes test",
        rows=MINI_BASELINE_ROWS,
        columns=MINI_BASELINE_COLUMNS,
        notes=(PAPER_NOTE,),
        published="main, boxes",
        has_differences=False,
    ),
    "mini-ablations": TableSpec(
        name="mini-ablations",
        title="Ablations in miniature",
        results=ABLATION_RESULTS,
        dataset="shapes test",
        rows=MINI_ABLATION_ROWS,
        columns=MINI_ABLATION_COLUMNS,
        notes=(PAPER_NOTE, ENCODER_NOTE),
        has_differences=False,
    ),
    "timing": FileTable(
        name="timing",
        title="How long `make quickstart` takes: two idle CPU cores, one seed",
        file="mini/timing.json",
        header=("Stage", "seconds"),
        rows=(
            ("data", ("seconds_of_stages.data",)),
            ("a: small CLIP", ("seconds_of_stages.train clip_rn",)),
            ("b: small SAM (beside a)", ("seconds_of_stages.train sam_vit",)),
            ("c: SAM2CLIP", ("seconds_of_stages.train sam2clip_rn",)),
            ("d: CLIP2SAM", ("seconds_of_stages.train ovsam_rn",)),
            ("all stages and tests, two side by side", ("provenance.seconds",)),
        ),
        notes=("Set-up comes on top: most of it is the download of the packages.",),
        states=(("command", "make quickstart SEEDS=1"), ("provenance.device", "cpu")),
    ),
    "ablations-timing": FileTable(
        name="ablations-timing",
        title="How long `make ablations` takes: two CPU cores, one seed, the quickstart included",
        file="mini/timing_ablations.json",
        header=("What", "seconds"),
        rows=(
            ("all stages and tests, two side by side", ("provenance.seconds",)),
            ("processor time of all stages", ("cpu_seconds",)),
            ("set-up before it", ("seconds_of_setup",)),
        ),
        notes=(
            "The machine was shared with other work; on two cores of its own the same run takes at least"
            " half of the processor time.",
        ),
        states=(("command", "make ablations SEEDS=1"), ("provenance.device", "cpu")),
    ),
    "everything": FileTable(
        name="everything",
        title="Everything mode by the least stability of a mask: 50 pictures, 16 x 16 clicks",
        file="mini/everything.json",
        header=(
            "Least stability",
            "Recall (%)",
            "Precision (%)",
            "F1 (%)",
            "Masks per picture",
            "Objects",
        ),
        rows=(
            *(_everything_row(f"0.{percent}", "val", percent) for percent in (60, 70, 75, 80, 85, 90)),
            _everything_row("0.80, test split", "test", 80),
        ),
        notes=(
            "Percent; validation split but for the last row. An object is found where a mask has IoU"
            " 0.5 with it; each mask counts for one object at most. The default is the threshold with"
            " the best F1 of those that find 80 % or more: 0.8. Measured with"
            " tools/measure_everything.py.",
        ),
        states=tuple(
            (f"{split}.{place}", value)
            for split in ("val", "test")
            for place, value in (
                ("config", "mini/ovsam_rn"),
                ("world_seed", 0),
                ("num_images", 50),
                ("points_per_side", 16),
            )
        ),
    ),
    "latency": FileTable(
        name="latency",
        title="Wall-clock time of a further click on an opened picture: ovsam_rn, CPU",
        file="mini/latency.json",
        header=("Through", "Median (ms)", "95th percentile (ms)", "Encoder runs for all clicks"),
        rows=(
            _latency_row("the predictor: mask, name, vector", "predictor"),
            _latency_row("the page's server: drawn picture and files, too", "page"),
            _latency_row("headless Chromium: until it is shown", "browser"),
        ),
        notes=(
            "The one encoder run of a way is that of opening the picture; the browser opens the same"
            " picture as the page before it. Measured with tools/measure_clicks.py --browser on an"
            " idle machine.",
        ),
        states=(("config", "mini/ovsam_rn"), ("provenance.device", "cpu")),
    ),
}
