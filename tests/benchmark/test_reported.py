"""Published numbers: complete, each with its source, and consistent where the tables repeat one
another."""

from ovsam.benchmark import reported

NUMBERS = reported.all_numbers()
VALUES = reported.published_numbers()
#: Numbers that each table has, counted in the sources.
COUNTS = {
    "main, boxes": 7 * 8,
    "main, centre points": 5 * 6 - 2 * 4,
    "reproduction, centre points": 6,
    "2": 3 * 7,
    "3": 4 * 5,
    "4": 9 * 6,
    "5": 6 * 3,
    "6": 3 * 5,
    "7 left": 5 * 3,
    "7 right": 4 * 4,
    "8 left": 5 * 4,
    "8 right": 4,
    "S2": 5 * 9 - 2,
    "semantic": 8 * 6 - 1 - 2 - 3 + 3,  # gaps of ESC-Net L and B and of three others; three costs
    "semantic, SAM block": 3 * 5,
    "semantic, FPS": 2 * 3,
}


def test_every_table_has_all_its_numbers_once():
    found = {table: sum(n.table == table for n in NUMBERS) for table in {n.table for n in NUMBERS}}
    assert found == COUNTS
    assert len(VALUES) == len(NUMBERS)


def test_every_number_says_where_it_stands():
    assert all(n.source and (n.value > 0) for n in NUMBERS)
    percent = [n for n in NUMBERS if " " in n.metric and n.metric.startswith(("COCO", "LVIS"))]
    assert all(n.value < 100 for n in percent)


def test_tables_agree_where_they_repeat_one_another():
    ours, coop = "Open-Vocabulary SAM", "Feature-Crop + CoOp"
    assert VALUES["main, boxes", ours, "COCO Acc"] == VALUES["7 right", "light FPN", "COCO Acc"]
    for metric in ("COCO AP_base", "COCO AP_novel"):
        assert VALUES["2", ours, metric] == VALUES["7 right", "light FPN", metric]
        assert VALUES["2", coop, metric] == VALUES["6", coop, metric]
    for left, right in (("R50", "RN50"), ("R50x16", "RN50x16"), ("ConvNeXt-L", "ConvNeXt-L")):
        for metric in ("COCO IoU", "MACs (G)", "Params (M)"):
            row = f"{left} multi-scale"
            assert VALUES["7 left", row, metric] == VALUES["8 left", right, metric]


def test_semantic_tables_agree_where_they_repeat_one_another():
    for name in ("A-847", "PC-459", "A-150", "PC-59", "PAS-20"):
        whole = VALUES["semantic, SAM block", "pre-trained SAM block", f"{name} mIoU"]
        assert VALUES["semantic", "ESC-Net ViT-L/14", f"{name} mIoU"] == whole
    assert VALUES["semantic", "ESC-Net ViT-L/14", "MACs (G)"] == 2203.5
    assert VALUES["semantic", "CAT-Seg ViT-L/14", "MACs (G)"] == 2121.1
    assert VALUES["semantic", "ESC-Net ViT-L/14", "Params (M)"] == 451


def test_numbers_that_do_not_agree_say_so():
    notes = {(n.table, n.row): n.note for n in NUMBERS}
    assert VALUES["2", "Open-Vocabulary SAM", "COCO AP"] == 32.4
    assert VALUES["6", "Open-Vocabulary SAM", "COCO AP"] == 34.4
    assert "34.4" in notes["2", "Open-Vocabulary SAM"]
    assert "32.4" in notes["6", "Open-Vocabulary SAM"]
    assert "1,180" in notes["6", "SAM2CLIP only"]
    assert "55.1" in notes["7 right", "SAM2CLIP only"]
