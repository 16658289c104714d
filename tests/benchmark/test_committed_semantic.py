"""What the docs say of the committed semantic miniature is true of its files."""

import json

import pytest

from ovsam.cli import configs_folder

TRAINED = ("catseg", "escnet_no_sam_block", "escnet_random_sam_block", "escnet")


def values(metric):
    """Config -> value of every seed, in their order."""
    records = json.loads((configs_folder() / "mini/semantic.json").read_text())["records"]
    found = {}
    for record in sorted(records, key=lambda record: record["seed"]):
        found.setdefault(record["config"].removeprefix("mini/"), []).append(record["metrics"][metric])
    return found


@pytest.mark.parametrize("metric", ["miou", "miou_seen"])
def test_all_rows_are_within_a_point_of_each_other(metric):
    found = [value for config in (*TRAINED, "dense_clip") for value in values(metric)[config]]
    assert len(found) == 5
    assert max(found) - min(found) < 1


def test_trained_models_tell_objects_from_the_background_better_than_the_dense_map():
    content = json.loads((configs_folder() / "mini/label_maps.json").read_text())
    alone = content["mini/dense_clip"]["test"]
    for config in TRAINED:
        test = content[f"mini/{config}"]["test"]
        for part in ("background", "objects"):
            assert test[part]["mean"] > 1.2 * alone[part]["mean"]
