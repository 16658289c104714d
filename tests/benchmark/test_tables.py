"""Tables: aggregation by hand, refusals, gaps that say so, and the four formats."""

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from ovsam.benchmark import rendering, tables
from ovsam.benchmark.records import metric_names
from ovsam.benchmark.rendering import as_text, update_tables
from ovsam.benchmark.result_files import fill
from ovsam.benchmark.signed import write_signed
from ovsam.benchmark.specs import TABLES, Column, FileTable, Row, TableSpec
from ovsam.cli import find_config
from ovsam.datasets.shapes import classes
from ovsam.evaluation.semantic import SemanticReport, summarize
from tests.benchmark.test_records import METRICS, detection_metrics, make_record

SPEC = TableSpec(
    name="toy",
    title="A toy & its table",
    results=("toy/results.json",),
    dataset="shapes test",
    rows=(
        Row("Ours", "mini/ovsam_rn"),
        Row("Absent", "mini/absent"),
        Row("Floor", values={"accuracy": 12.34}),
    ),
    columns=(
        Column("iou_base", "IoU_b", "box", "Boxes"),
        Column("accuracy", "Acc", "box", "Boxes"),
        Column("accuracy", "Acc", "center_point", "Points"),
        Column("macs", "MACs (G)"),
        Column("num_base", "n", "box"),
        Column("seeds", "seeds", "box"),
    ),
    notes=("A note.",),
)


def test_records_of_detector_boxes_stand_in_their_own_columns_only():
    kind = "detection:boxes:method"
    mine = make_record(prompts=kind, metrics=detection_metrics(ap_base=31.1))
    spec = dataclasses.replace(SPEC, columns=(*SPEC.columns, Column("ap_base", "AP_b", kind)))
    both = [make_record(), make_record(prompts="center_point"), mine]
    text = rendering.render(tables.build(spec, both))
    assert "| 31.1 |" in text
    assert tables.build(SPEC, both).cells == tables.build(SPEC, both[:2]).cells
    other = make_record(config="mini/absent", prompts=kind, metrics=detection_metrics(num_images=8))
    points = [make_record(config="mini/absent", prompts=p) for p in ("box", "center_point")]
    with pytest.raises(ValueError, match=r"differ in counts: .*'num_detections'"):
        tables.build(spec, [*both, *points, other])


def semantic_record(**changes):
    names, counts = metric_names("semantic")
    metrics = {**dict.fromkeys(names, 40.0), **dict.fromkeys(counts, 3), **changes.pop("metrics", {})}
    fields = dict(prompts="semantic", complexity=None, dataset="A-150", metrics=metrics)
    return make_record(**{**fields, **changes})


def test_one_config_on_several_sets_of_label_maps():
    spec = TABLES["semantic"]
    name, rival = spec.rows[0].config, spec.rows[2].config
    found = [
        semantic_record(config=name, metrics={"miou": 41.5}),
        semantic_record(config=name, dataset="PC-59", metrics={"miou": 65.25}),
        semantic_record(config=name, dataset="COCO-Stuff val"),  # a further set, not of this table
        semantic_record(config=rival, metrics={"miou": 37.0}),
    ]
    costs = {name: {"macs": 2_283_600_000_000, "params": 445_400_000}}
    table = tables.build(spec, found, costs=costs)
    by_set = {
        column.dataset: cell for column, cell in zip(spec.columns[:6], table.cells[0], strict=False)
    }
    assert (by_set["A-150"].mean, by_set["A-150"].reported) == (41.5, 41.8)
    assert by_set["PC-59"].difference == pytest.approx(65.25 - 65.6)
    assert by_set["A-847"].is_missing
    text = rendering.render(table)
    assert "| 41.5 | 41.8 | -0.3 |" in text
    assert "| 2,283.6 | 2,203.5 | +80.1 | 445.4 | 451 | -5.6 |" in text  # beside a record without costs
    with pytest.raises(ValueError, match="two records for one cell"):
        tables.build(spec, [*found, found[0]])
    also = semantic_record(config="escnet/eval_pc59", dataset="PC-59")
    with pytest.raises(ValueError, match=r"differ in config: escnet/escnet_.*, escnet/eval_pc59 of"):
        tables.build(spec, [*found, also])
    with pytest.raises(ValueError, match="look like fractions"):
        tables.build(spec, [semantic_record(config=name, metrics={"miou": 0.415})])
    with pytest.raises(ValueError, match="differ in config_digest"):
        tables.build(spec, [*found[1:], semantic_record(config=name, config_digest="b" * 64)])


def seeds(values, prompts="box", **changes):
    return [
        make_record(seed=seed, prompts=prompts, metrics={**METRICS, "accuracy": value}, **changes)
        for seed, value in enumerate(values)
    ]


def test_mean_and_sample_deviation_over_seeds():
    records = seeds([50.0, 54.0, 52.0]) + seeds([20.0, 26.0, 23.0], "center_point")
    table = tables.build(SPEC, records)
    box, point = table.cells[0][1], table.cells[0][2]
    assert (box.mean, box.spread, box.num_seeds) == (52.0, 2.0, 3)
    assert (point.mean, point.spread) == (23.0, 3.0)
    assert sum(cell.is_missing for row in table.cells for cell in row) == 6
    lines = rendering.render(table).splitlines()
    assert lines[2].startswith("| Method | Boxes: IoU_b | Boxes: Acc | Points: Acc | MACs (G)")
    assert lines[4] == "| Ours | 71.5 ± 0.0 | 52.0 ± 2.0 | 23.0 ± 3.0 | 3.20 | 20 | 3 |"
    assert lines[5].count("not measured") == 6
    assert lines[6] == "| Floor | – | 12.3 | 12.3 | – | – | – |"


def test_a_number_of_some_seeds_only_is_no_mean():
    found = tables.build(SPEC, seeds([50.0, None, 52.0]))
    assert found.cells[0][1].mean is None
    assert (
        rendering.render(found).splitlines()[4].startswith("| Ours | 71.5 ± 0.0 | incomplete | not meas")
    )


def test_one_seed_has_no_spread_and_masks_only_no_accuracy():
    records = [make_record(metrics={**METRICS, "accuracy": None})]
    table = tables.build(SPEC, records)
    assert table.cells[0][0].spread is None
    assert (
        rendering.render(table).splitlines()[4] == "| Ours | 71.5 | – | not measured | 3.20 | 20 | 1 |"
    )


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([make_record(origin=dict(dirty=True))], "may not be published: sources differed"),
        ([make_record(origin=dict(commit=None, dirty=None))], "no commit"),
        ([make_record(), make_record()], "two records for one cell"),
        ([make_record(), make_record(seed=1, config_digest="d" * 64)], "differ in config_digest"),
        ([make_record(), make_record(seed=1, dataset="shapes val")], "differ in dataset"),
        ([make_record(), make_record(seed=1, prompts="center_point")], "differ in seeds"),
    ],
)
def test_unfit_records_are_refused(records, message):
    with pytest.raises(ValueError, match=message):
        tables.build(SPEC, records)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(data_sha256="f" * 64), "results of shapes test differ in data_sha256"),
        (dict(dataset="shapes val"), "is of 'shapes test', mini/sam_vit was tested on 'shapes val'"),
        (
            dict(metrics={**METRICS, "num_novel": 3}),
            "differ in counts: .*'num_novel': 5.*'num_novel': 3",
        ),
        (dict(seed=7), r"differ in seeds: \(0,\) of mini/ovsam_rn .*, \(7,\) of mini/sam_vit"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(changes, message):
    spec = dataclasses.replace(SPEC, rows=(*SPEC.rows, Row("Other", "mini/sam_vit")))
    records = [make_record(), make_record(**{"config": "mini/sam_vit", **changes})]
    with pytest.raises(ValueError, match=message):
        tables.build(spec, records)


PAPER = dataclasses.replace(
    SPEC,
    dataset="COCO test",
    rows=(
        Row("Ours", "a/coco", (71.2, 65.0), also=("a/lvis",)),
        Row("Other", "b/coco", (60.0, None, 1180.0)),
        Row("Theirs", "", (50.0,)),
    ),
    columns=(
        Column("iou", "IoU", "box", "COCO"),
        Column("iou", "IoU", "box", "LVIS", "LVIS test"),
        Column("macs", "MACs (G)"),
        Column("seeds", "seeds", "box"),
    ),
    missing="needs weights",
)


def drawn(table):
    """Header with the groups, and rows."""
    text = as_text(table)
    header = [f"{g}: {title}" if g else title for g, title in zip(text.groups, text.header, strict=True)]
    return header, [list(row) for row in text.rows]


def coco_and_lvis():
    coco = make_record(config="a/coco", dataset="COCO test")
    changed = dict(METRICS, iou=64.0, num_images=99)
    return [
        coco,
        make_record(config="a/lvis", dataset="LVIS test", data_sha256="f" * 64, metrics=changed),
    ]


def test_published_numbers_stand_beside_measured_ones_with_their_difference():
    table = tables.build(PAPER, coco_and_lvis())
    header, *lines = [row[1:] for row in [drawn(table)[0], *drawn(table)[1]]]
    assert header[:6] == [
        "COCO: IoU", "COCO: IoU reported", "COCO: IoU difference",
        "LVIS: IoU", "LVIS: IoU reported", "LVIS: IoU difference",
    ]  # fmt: skip
    assert lines[0][:6] == ["70.0", "71.2", "-1.2", "64.0", "65.0", "-1.0"]
    assert lines[1][:6] == ["needs weights", "60.0", "–", "needs weights", "–", "–"]
    assert lines[2][:6] == ["–", "50.0", "–", "–", "–", "–"]
    cells = json.loads(rendering.render(table, "json"))["rows"][0]["cells"]
    assert cells["box iou"]["difference"] == pytest.approx(-1.2)
    miniature = dataclasses.replace(PAPER, has_differences=False)
    beside = tables.build(miniature, coco_and_lvis())
    assert not any("difference" in title for title in drawn(beside)[0])
    assert (
        json.loads(rendering.render(beside, "json"))["rows"][0]["cells"]["box iou"]["reported"] == 71.2
    )


def test_columns_without_any_measurement_shrink_to_one_that_says_so():
    table = tables.build(PAPER, [])
    header, lines = drawn(table)
    assert header == [
        "Method", "COCO: IoU reported", "LVIS: IoU reported", "MACs (G) reported", "seeds", "measured"
    ]  # fmt: skip
    assert lines[0] == ["Ours", "71.2", "65.0", "–", "needs weights", "needs weights"]
    assert lines[1] == ["Other", "60.0", "–", "1,180", "needs weights", "needs weights"]
    assert lines[2] == ["Theirs", "50.0", "–", "–", "–", "–"]


def test_costs_counted_without_weights_fill_what_no_record_has():
    costs = {"b/coco": {"macs": 1_179_700_000_000, "params": 304_000_000}}
    table = tables.build(PAPER, coco_and_lvis(), costs=costs)
    assert [row[2].mean for row in table.cells] == [3.2, 1179.7, None]
    assert drawn(table)[1][1][7:10] == ["1,179.7", "1,180", "-0.3"]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([make_record(metrics={**METRICS, "iou_base": 0.715})], "iou_base look like fractions of 1"),
        ([make_record(origin=dict(hardware=""))], "the hardware is not known"),
        ([make_record(metrics={**METRICS, "num_images": 0})], "no image was tested"),
    ],
)
def test_records_in_other_units_or_of_unknown_origin_are_refused(records, message):
    with pytest.raises(ValueError, match=message):
        tables.build(SPEC, records)


def test_a_cell_of_two_configs_is_refused():
    both = [make_record(config=name, dataset="COCO test") for name in ("a/coco", "a/lvis")]
    with pytest.raises(ValueError, match=r"'Ours' on 'COCO test' differ in config: a/coco .*, a/lvis"):
        tables.build(PAPER, both)


def test_dirty_records_serve_for_tables_of_ones_own():
    table = tables.build(SPEC, [make_record(origin=dict(dirty=True))], allow_dirty=True)
    assert table.cells[0][1].mean == 50.0


def test_formats_tell_the_same():
    table = tables.build(SPEC, seeds([50.0, 54.0]) + seeds([20.0, 26.0], "center_point"))
    rows = list(csv.reader(io.StringIO(rendering.render(table, "csv"))))
    assert rows[0][:5] == ["method", "config", "box iou_base", "box iou_base std", "box iou_base seeds"]
    assert rows[0][7:10] == ["box accuracy", "box accuracy std", "box accuracy seeds"]
    assert rows[1][7:10] == ["52.0", str(8**0.5), "2"]
    assert rows[2][7:10] == ["", "", "0"]
    content = json.loads(rendering.render(table, "json"))
    assert content["rows"][0]["cells"]["center_point accuracy"]["mean"] == 23.0
    latex = rendering.render(table, "latex")
    assert r"& \multicolumn{2}{c}{Boxes} & \multicolumn{1}{c}{Points} &  &  &  \\" in latex
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-4}" in latex
    assert r"A toy \& its table" in latex
    assert r"52.0 $\pm$ 2.8" in latex
    assert latex.count(r" \\") == 5
    with pytest.raises(ValueError, match="format must be one of"):
        rendering.render(table, "html")


@pytest.mark.parametrize("name", [name for name, spec in TABLES.items() if isinstance(spec, TableSpec)])
def test_rows_are_configs_and_published_numbers_have_a_source_and_a_column(name):
    spec = TABLES[name]
    is_published = any(row.reported for row in spec.rows)
    assert spec.source or not is_published or not spec.has_differences  # a miniature has the paper's
    for row in spec.rows:
        for config in row.configs:
            assert find_config(config).is_file()
        assert len(row.reported) <= len(spec.columns)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("form", rendering.FORMATS)
def test_every_declared_table_renders_without_results(name, form):
    spec = TABLES[name]
    table = tables.build(spec, []) if isinstance(spec, TableSpec) else spec
    if isinstance(spec, FileTable):
        table = fill(spec, "nowhere")
    assert spec.title.split()[0] in rendering.render(table, form) or form == "csv"


def test_floor_of_shapes_follows_its_split():
    evaluated = classes.BASE_LABELS | classes.NOVEL_LABELS
    colour = [look.colour for look in classes.CLASS_LOOKS]

    def chance(labels):
        same = [sum(colour[other] == colour[label] for other in evaluated) for label in labels]
        return 100 * sum(1 / n for n in same) / len(labels)

    floor = next(row.values for row in TABLES["mini"].rows if row.values)
    assert floor["accuracy"] == pytest.approx(chance(evaluated))
    assert floor["accuracy_base"] == pytest.approx(chance(classes.BASE_LABELS))
    assert floor["accuracy_novel"] == pytest.approx(chance(classes.NOVEL_LABELS))


def test_floor_of_the_label_maps_is_what_the_metric_gives_for_it():
    """Every pixel of the right colour, of one of the shapes by turns; as many pixels of each class."""
    evaluated = sorted(classes.BASE_LABELS | classes.NOVEL_LABELS)
    num_shapes = len({look.shape for look in classes.CLASS_LOOKS})
    matrix = np.zeros((len(evaluated), len(evaluated) + 1), np.int64)
    for row, label in enumerate(evaluated):
        for shape in range(num_shapes):
            guess = label // num_shapes * num_shapes + shape
            matrix[row, evaluated.index(guess) if guess in evaluated else -1] += 7
    groups = ["seen" if label in classes.BASE_LABELS else "unseen" for label in evaluated]
    report = SemanticReport(matrix, {}, {}, [classes.CLASS_NAMES[i] for i in evaluated], groups, 1)
    found = summarize(report)
    [floor] = [row.values for row in TABLES["mini-semantic"].rows if row.values]
    assert floor == {name: pytest.approx(found[name]) for name in floor}
    assert floor.keys() == {"miou", "miou_seen", "miou_unseen", "pixel_accuracy"}


def test_tables_between_markers():
    text = (
        "a\n<!-- table:one -->\nold\n<!-- /table -->\nb\n<!-- table:two -->\nnew two\n<!-- /table -->\n"
    )
    new, stale = update_tables(text, lambda name: f"new {name}\n")
    assert (new, stale) == (text.replace("old", "new one"), ["one"])
    assert update_tables(new, lambda name: f"new {name}\n") == (new, [])
    with pytest.raises(ValueError, match="has no"):
        update_tables("<!-- table:one -->\nrest", str)


def test_numbers_of_a_results_file_stand_where_the_table_says(tmp_path):
    spec = FileTable(
        name="toy",
        title="Toy",
        file="toy.json",
        header=("Images", "IoU", "n", "Acc"),
        rows={"training": "train.{}"},
        parts=("iou", "n", "accuracy"),
    )
    origin = dict(commit="a" * 40, dirty=False, hardware="one")

    def rows(**numbers):
        write_signed({"train": numbers, "provenance": origin}, tmp_path / "toy.json")
        return fill(spec, tmp_path / "toy.json").rows

    assert rows(iou=81.26, n=1250, accuracy=None) == (("training", "81.3", "1,250", "–"),)
    assert rows(iou=3.75e-7, n=0.0, accuracy=-0.051) == (("training", "3.8e-07", "0.0", "-5.1e-02"),)
    spread = rows(iou={"mean": 24.04, "sd": 0.26}, n={"mean": 3.0}, accuracy=None)
    assert spread == (("training", "24.0 ± 0.3", "3.0", "–"),)
    with pytest.raises(KeyError, match=r"nothing at 'train\.iou' \(no 'iou'\)"):
        rows()
    assert fill(spec, tmp_path / "none.json").rows == (("training", *["not measured"] * 3),)
