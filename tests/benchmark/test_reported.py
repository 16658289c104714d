"""Published numbers: complete, and consistent where the tables repeat one another."""

from ovsam.benchmark.specs import TABLES, TableSpec, TextTable

#: (table, row, column with its group) -> value, of the tables at full size.
VALUES = {
    (name, row.title, f"{column.group} {column.title}".strip()): value
    for name, spec in TABLES.items()
    if isinstance(spec, TableSpec) and not name.startswith("mini")
    for row in spec.rows
    for column, value in zip(spec.columns, row.reported, strict=False)
    if value is not None
}
OURS, COOP = "Open-Vocabulary SAM", "Feature-Crop + CoOp"
#: Numbers that each table has, counted in the sources; two tables show ours twice, once as released.
COUNTS = {
    "main": 7 * 8,
    "table-1": 5 * 6 - 2 * 4 + 6,
    "reproduction": 6 + 6,
    "table-2": 3 * 7,
    "table-3": 4 * 5,
    "table-4": 9 * 6,
    "table-5": 6,
    "table-6": 3 * 5,
    "table-7-left": 5 * 3,
    "table-7-right": 4 * 4,
    "table-8-left": 5 * 4,
    "table-8-right": 4,
    "table-S2": 5 * 9 - 2,
    "semantic": 8 * 6 - 1 - 2 - 3 + 3,  # gaps of ESC-Net L and B and of three others; three costs
    "escnet-ablations": 3 * 5,
}


def test_every_table_has_all_its_numbers_once():
    tables = [table for table, _, _ in VALUES]
    assert {table: tables.count(table) for table in tables} == COUNTS
    shapes = {
        name: (len(spec.rows), len(spec.header) - 1)
        for name, spec in TABLES.items()
        if isinstance(spec, TextTable)
    }
    assert shapes == {"semantic-speed-reported": (2, 3)}


def test_numbers_are_in_their_unit():
    assert all(value > 0 for value in VALUES.values())
    costs = ("MACs (G)", "Params (M)")
    assert all(value < 100 for (_, _, column), value in VALUES.items() if column not in costs)
    assert (VALUES["main", OURS, "COCO Acc"], VALUES["main", OURS, "Params (M)"]) == (84.3, 304)


def test_tables_agree_where_they_repeat_one_another():
    fpn = "+ light FPN (Open-Vocabulary SAM)"
    assert VALUES["main", OURS, "COCO Acc"] == VALUES["table-7-right", fpn, "Acc"]
    for metric in ("COCO AP_base", "COCO AP_novel"):
        assert VALUES["table-2", OURS, metric] == VALUES["table-7-right", fpn, metric]
        coop = VALUES["table-2", f"{COOP} (Adapter1)", metric]
        assert coop == VALUES["table-6", COOP, metric]
    for left, right in (("R50", "RN50"), ("R50x16", "RN50x16"), ("ConvNeXt-L", "ConvNeXt-L")):
        for metric in ("IoU", "MACs (G)", "Params (M)"):
            row = f"{left} multi-scale"
            assert VALUES["table-7-left", row, metric] == VALUES["table-8-left", right, metric]


def test_semantic_tables_agree_where_they_repeat_one_another():
    [whole] = [row.reported for row in TABLES["escnet-ablations"].rows if row.title.startswith("pre-")]
    assert TABLES["semantic"].reported("ESC-Net ViT-L/14")[:5] == whole
    assert VALUES["semantic", "ESC-Net ViT-L/14", "MACs (G)"] == 2203.5
    assert VALUES["semantic", "CAT-Seg ViT-L/14", "MACs (G)"] == 2121.1
    assert VALUES["semantic", "ESC-Net ViT-L/14", "Params (M)"] == 451


def test_miniatures_stand_beside_the_numbers_of_their_methods():
    beside = {row.title: row.reported for row in TABLES["mini-ablations"].rows}
    assert beside["Table 7: + FPN (the method)"] == (81.5, 84.3)
    assert beside["Table 7: SAM"] == (78.7,)
    assert TABLES["mini-baselines"].reported("Feature-Crop") == (78.1, 81.4, 55.1)
    assert TABLES["mini-semantic"].reported("CAT-Seg") == (37.9,)
    assert TABLES["mini-semantic"].reported("ESC-Net, without SAM block") == (24.2,)


def test_numbers_that_do_not_agree_say_so():
    assert VALUES["table-2", OURS, "COCO AP"] == 32.4
    assert VALUES["table-6", OURS, "COCO AP"] == 34.4
    notes = {name: " ".join(TABLES[name].notes) for name in ("table-2", "table-6", "table-7-right")}
    assert "34.4" in notes["table-2"]
    assert "32.4" in notes["table-6"]
    assert "1,180" in notes["table-6"]
    assert "55.1" in notes["table-7-right"]
