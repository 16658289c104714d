"""`ovsam proportions`: full size has the published figures, and the miniature is measured as it is."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from ovsam.benchmark.signed import read_signed
from ovsam.benchmark.specs.proportions import (
    COCO_OBJECTS,
    PERCENTILES,
    PROPORTIONS,
    REASONS,
    TITLES,
    TOLERANCE,
)
from ovsam.cli import configs_folder, main
from ovsam.commands import proportions
from ovsam.datasets.shapes.writer import ShapesPlan

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def found():
    return proportions.compared()


@pytest.fixture(scope="module")
def committed():
    return read_signed(configs_folder() / PROPORTIONS.file, part="proportions")


def test_full_size_has_the_published_costs(found):
    full = {key: row["full"] for key, row in found.items()}
    trunk, neck, encoder, decoder, pool = 498.6, 554.1, 2_980, 1.78, 4.58
    assert full["neck"] == pytest.approx(neck / trunk, rel=1e-3)
    assert full["sam_encoder"] == pytest.approx(encoder / trunk, rel=1e-3)
    assert full["decoder"] == pytest.approx(decoder / trunk, rel=1e-3)
    assert full["attention_pool"] == pytest.approx(pool / trunk, rel=1e-3)
    assert full["to_feature_crop"] == pytest.approx(1_179.7 / 3_543, rel=1e-3)
    assert full["to_image_crop"] == pytest.approx(1_179.7 / 3_745.5, rel=1e-3)
    assert (full["picture"], full["pool_grid"]) == (384 / 1024, 12 / 32)


def test_sizes_of_objects_are_on_the_grids_of_the_models(found):
    for percentile, share in COCO_OBJECTS.items():
        sizes = [found[f"object_{kind}_{percentile}"]["full"] for kind in ("share", "cells", "pixels")]
        assert sizes == pytest.approx([share, 32 * share, 256 * share])
    model = proportions._built("mini/ovsam_rn")
    cells = model.data_preprocessor.size // model.backbone.strides[-1]
    for percentile in PERCENTILES:
        row = {kind: found[f"object_{kind}_{percentile}"] for kind in ("share", "cells")}
        assert row["cells"]["miniature"] == pytest.approx(cells * row["share"]["miniature"])


def test_the_ratio_is_the_miniatures_to_that_of_full_size(found):
    assert list(found) == list(TITLES)
    for row in found.values():
        assert row["ratio"] == row["miniature"] / row["full"]


def test_a_ratio_has_a_reason_exactly_where_it_is_out_of_tolerance(committed):
    outside = {key for key, row in committed.items() if abs(row["ratio"] - 1) > TOLERANCE}
    assert sorted(outside - set(REASONS)) == [], "these need a reason"
    assert sorted(set(REASONS) - outside) == [], "these need no reason, or have another name"
    assert all(REASONS.values())


def test_the_committed_file_is_of_the_configs_and_the_world_of_today(committed, found):
    hint = f"measure again: tools/proportions.py --into configs/{PROPORTIONS.file}, then make tables"
    assert committed.keys() == found.keys(), hint
    for key, row in found.items():
        assert committed[key] == pytest.approx(row), f"{key}; {hint}"


def test_the_command_prints_and_writes_the_same_numbers(found, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(proportions, "compared", lambda: found)
    file = tmp_path / "proportions.json"
    assert main(["proportions", "--json", "--into", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert json.loads(file.read_text())["proportions"] == found
    assert main(["proportions"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["proportion", "full", "size", "miniature", "ratio"]
    for line, (key, title) in zip(lines, TITLES.items(), strict=True):
        numbers = [f"{number:.3g}" for number in found[key].values()]
        assert re.split(r"  +", line) == [title, *numbers, *filter(None, [REASONS.get(key)])]


def test_drawn_objects_are_measured_by_their_visible_pixels(monkeypatch):
    plan = ShapesPlan(val=2)
    masks = np.zeros((2, 2, plan.size, plan.size), bool)
    for mask, sides in zip(
        masks.reshape(4, plan.size, plan.size), ((3, 12), (5, 5), (8, 2), (1, 4)), strict=True
    ):
        mask[: sides[0], : sides[1]] = True
    monkeypatch.setattr(proportions, "ShapesPlan", lambda: plan)
    monkeypatch.setattr(
        proportions, "draw_scene", lambda index, **_: SimpleNamespace(masks=masks[index])
    )
    expected = np.percentile([6, 5, 4, 2], PERCENTILES) / plan.size
    assert list(proportions.drawn_objects().values()) == pytest.approx(expected.tolist())


def test_sizes_of_objects_of_coco_are_those_of_its_annotations(shared):
    shares, seen = [], set()
    for file in (
        "coco_val2014_100/instances_val2014_100",
        "coco_mini/annotations/instances_train2017",
        "coco_mini/annotations/instances_val2017",
    ):
        content = json.loads((shared / "data" / f"{file}.json").read_text())
        sides = {i["id"]: max(i["height"], i["width"]) for i in content["images"] if i["id"] not in seen}
        own = [a for a in content["annotations"] if a["image_id"] in sides and not a["iscrowd"]]
        shares += [a["area"] ** 0.5 / sides[a["image_id"]] for a in own]
        seen |= {a["image_id"] for a in own}
    assert (len(shares), len(seen)) == (1063, 139)
    measured = np.percentile(shares, PERCENTILES).round(4)
    assert dict(zip(PERCENTILES, measured.tolist(), strict=True)) == COCO_OBJECTS
