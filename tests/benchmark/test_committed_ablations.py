"""What the docs say of the committed ablations of the miniature is true of their file."""

import json

import pytest

from ovsam.cli import configs_folder


@pytest.fixture(scope="module")
def found():
    """(config, prompts) -> metrics, of one seed."""
    records = json.loads((configs_folder() / "mini/ablations.json").read_text())["records"]
    assert {record["seed"] for record in records} == {0}
    return {
        (record["config"].removeprefix("mini/"), record["prompts"]): record["metrics"]
        for record in records
    }


def test_adapters_stand_between_the_baselines_and_the_method(found):
    accuracy = {
        config: metrics["accuracy"] for (config, kind), metrics in found.items() if kind == "box"
    }
    for config in ("image_crop_adapter1", "feature_crop_adapter2", "feature_crop_adapter3"):
        baseline = config.split("_adapter")[0]
        assert accuracy[baseline] + 0.9 < accuracy[config] < accuracy["ovsam_rn"] - 3
    assert accuracy["feature_crop_adapter1"] < accuracy["feature_crop"] - 5


def test_steps_of_table_7(found):
    steps = ("ovsam_class_token", "ovsam_class_token_clip_fusion", "ovsam_rn")
    for kind in ("box", "center_point"):
        token, fused, whole = (found[config, kind]["accuracy"] for config in steps)
        assert token + 1 < fused
        assert fused + 1 < whole
    assert found["ovsam_class_token", "box"]["accuracy"] < found["sam2clip_only", "box"]["accuracy"] - 1


@pytest.mark.parametrize(
    ("config", "kind", "beside", "lost"),
    [
        ("sam2clip_single_level_only", "box", "sam2clip_only", 14),
        ("sam2clip_single_level_only", "center_point", "sam2clip_only", 15),
        ("sam2clip_convolutional_only", "box", "sam2clip_only", 1),
        ("sam2clip_convolutional_only", "center_point", "sam2clip_only", 5),
        ("ovsam_boxes_only", "center_point", "ovsam_rn", 6),
        ("ovsam_points_only", "box", "ovsam_rn", 12),
    ],
)
def test_masks_lose_what_the_page_says(config, kind, beside, lost):
    records = json.loads((configs_folder() / "mini/ablations.json").read_text())["records"]
    iou = {(r["config"], r["prompts"]): r["metrics"]["iou"] for r in records}
    assert round(iou[f"mini/{beside}", kind] - iou[f"mini/{config}", kind]) == lost


def test_names_of_novel_classes(found):
    novel = {
        config: metrics["accuracy_novel"] for (config, kind), metrics in found.items() if kind == "box"
    }
    assert round(novel["ovsam_rn"] - novel["ovsam_all_names"]) == 5
    assert novel["ovsam_fusion_equal"] > max(novel["ovsam_rn"], novel["ovsam_clip_only"])
    assert abs(found["ovsam_multimask", "box"]["iou"] - found["ovsam_rn", "box"]["iou"]) < 0.5
