"""What the docs say of the committed ablations of the miniature is true of their file."""

import json
import statistics

import pytest

from ovsam.cli import configs_folder

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def found():
    """(config, prompts) -> metric -> values of the seeds; rows that train nothing have equal ones."""
    records = json.loads((configs_folder() / "mini/ablations.json").read_text())["records"]
    by_row = {}
    for record in sorted(records, key=lambda record: record["seed"]):
        row = by_row.setdefault((record["config"].removeprefix("mini/"), record["prompts"]), {})
        row.setdefault("seeds", []).append(record["seed"])
        for name, value in record["metrics"].items():
            row.setdefault(name, []).append(value)
    assert {tuple(row["seeds"]) for row in by_row.values()} == {SEEDS}
    return by_row


@pytest.fixture(scope="module")
def mean(found):
    """(config, kind of prompts, metric) -> mean over the seeds."""
    return lambda config, kind, metric: statistics.mean(found[config, kind][metric])


@pytest.mark.parametrize(
    ("config", "gained"),
    [
        ("image_crop_adapter1", 2.5),
        ("feature_crop_adapter1", -5.7),
        ("feature_crop_adapter2", 2.8),
        ("feature_crop_adapter3", 1.3),
    ],
)
def test_adapters_gain_on_their_baseline_what_the_page_says(mean, config, gained):
    baseline = config.split("_adapter")[0]
    difference = mean(config, "box", "accuracy") - mean(baseline, "box", "accuracy")
    assert round(difference, 1) == gained


@pytest.mark.parametrize("seed", SEEDS)
def test_adapters_stand_between_the_baselines_and_the_method_in_every_seed(found, seed):
    def accuracy(config):
        return found[config, "box"]["accuracy"][seed]

    for config in ("image_crop_adapter1", "feature_crop_adapter2", "feature_crop_adapter3"):
        assert accuracy(config.split("_adapter")[0]) + 1 < accuracy(config) < accuracy("ovsam_rn") - 3
    assert accuracy("feature_crop_adapter1") < accuracy("feature_crop") - 3


@pytest.mark.parametrize("seed", SEEDS)
def test_steps_of_table_7_in_every_seed(found, seed):
    steps = ("ovsam_class_token", "ovsam_class_token_clip_fusion", "ovsam_rn")
    for kind in ("box", "center_point"):
        token, fused, whole = (found[config, kind]["accuracy"][seed] for config in steps)
        assert token + 5 < fused < whole - 1
    token, clip = (found[config, "box"]["accuracy"][seed] for config in (steps[0], "sam2clip_only"))
    assert 2 < clip - token < 3.5


@pytest.mark.parametrize(
    ("config", "kind", "beside", "lost"),
    [
        ("sam2clip_single_level_only", "box", "sam2clip_only", 14),
        ("sam2clip_single_level_only", "center_point", "sam2clip_only", 15),
        ("sam2clip_convolutional_only", "box", "sam2clip_only", 1),
        ("sam2clip_convolutional_only", "center_point", "sam2clip_only", 5),
        ("ovsam_boxes_only", "center_point", "ovsam_rn", 7),
        ("ovsam_points_only", "box", "ovsam_rn", 11),
    ],
)
def test_masks_lose_what_the_page_says(mean, config, kind, beside, lost):
    assert round(mean(beside, kind, "iou") - mean(config, kind, "iou")) == lost


def test_training_with_boxes_only_names_boxes_better(mean):
    gained = mean("ovsam_boxes_only", "box", "accuracy") - mean("ovsam_rn", "box", "accuracy")
    assert round(gained, 1) == 0.7


def test_names_of_base_and_novel_classes(mean):
    def novel(config):
        return mean(config, "box", "accuracy_novel")

    assert round(novel("ovsam_rn") - novel("ovsam_all_names")) == 5
    assert novel("ovsam_fusion_equal") > novel("ovsam_rn") + 1.5
    assert 1 < novel("ovsam_rn") - novel("ovsam_clip_only") < 2
    base = {
        config: mean(config, "box", "accuracy_base")
        for config in ("ovsam_head", "ovsam_rn", "ovsam_fusion_equal", "ovsam_clip_only")
    }
    assert max(base, key=base.get) == "ovsam_head"


@pytest.mark.parametrize("seed", SEEDS)
def test_other_switches_in_every_seed(found, seed):
    by_config = {config: row for (config, kind), row in found.items() if kind == "box"}
    whole = by_config["ovsam_rn"]
    gained = by_config["ovsam_roi_box_prompt"]["accuracy"][seed] - whole["accuracy"][seed]
    assert 0.9 < gained < 1.5
    assert abs(by_config["ovsam_multimask"]["iou"][seed] - whole["iou"][seed]) < 0.1
    boxes_only = by_config["ovsam_boxes_only"]
    assert 0.6 < boxes_only["iou"][seed] - whole["iou"][seed] < 1.2
    assert boxes_only["accuracy"][seed] > whole["accuracy"][seed]
