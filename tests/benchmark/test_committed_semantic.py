"""What the docs say of the committed semantic miniature is true of its files."""

import json

import pytest

from ovsam.cli import configs_folder
from ovsam.weights import read_metadata, shipped

ESCNET = ("escnet_no_sam_block", "escnet_random_sam_block", "escnet")


def values(metric):
    """Config -> value of every seed, in their order."""
    records = json.loads((configs_folder() / "mini/semantic.json").read_text())["records"]
    found = {}
    for record in sorted(records, key=lambda record: record["seed"]):
        found.setdefault(record["config"].removeprefix("mini/"), []).append(record["metrics"][metric])
    return found


def mean(numbers):
    return sum(numbers) / len(numbers)


@pytest.mark.parametrize("metric", ["miou", "miou_seen", "miou_unseen"])
def test_methods_stand_in_the_order_of_the_paper(metric):
    found = values(metric)
    assert len(found) == 5
    alone = max(found["dense_clip"])
    assert 10.5 < mean(found["catseg"]) - alone < 12.5
    assert all(value - alone > 14 for config in ESCNET for value in found[config])
    for seed, catseg in enumerate(found["catseg"]):
        assert all(found[config][seed] - catseg > 2.2 for config in ESCNET)
    assert mean(found["escnet"]) - alone > 14.9


def test_escnet_is_four_points_above_catseg():
    found = values("miou")
    assert mean(found["escnet"]) - mean(found["catseg"]) == pytest.approx(4, abs=0.5)
    novel = values("miou_unseen")
    assert mean(novel["escnet"]) - mean(novel["catseg"]) == pytest.approx(3, abs=0.5)


def test_the_sam_block_adds_less_than_half_a_point():
    found = values("miou")
    without, random, whole = (found[config] for config in ESCNET)
    for others in (without, random):
        gains = [ours - theirs for ours, theirs in zip(whole, others, strict=True)]
        assert len(gains) == 3
        assert -0.5 < min(gains) < 0 < max(gains) < 0.5  # a little better without it in one seed


def test_the_released_escnet_is_that_of_seed_0():
    released = read_metadata(shipped.fetch_shipped("shapes_escnet")[0])
    records = json.loads((configs_folder() / "mini/semantic.json").read_text())["records"]
    (record,) = (r for r in records if (r["config"], r["seed"]) == ("mini/escnet", 0))
    assert record["weights"]["escnet"] == released["exported_sha256"]


def test_small_regions_and_hidden_objects_are_hard():
    by_size = {size: mean(values(f"miou_{size}")["escnet"]) for size in ("small", "medium", "large")}
    assert by_size["medium"] - by_size["small"] == pytest.approx(26, abs=1.5)
    hidden = {part: mean(values(f"miou_{part}")["escnet"]) for part in ("whole", "much_hidden")}
    assert hidden["whole"] - hidden["much_hidden"] == pytest.approx(20, abs=1.5)


def test_trained_models_separate_objects_a_little_and_name_them_much_better():
    content = json.loads((configs_folder() / "mini/label_maps.json").read_text())
    alone = content["mini/dense_clip"]["test"]
    for config in ("catseg", *ESCNET):
        test = content[f"mini/{config}"]["test"]
        assert 0 < test["background"]["mean"] - alone["background"]["mean"] < 2
        assert 2 < test["objects"]["mean"] - alone["objects"]["mean"] < 6
        assert test["miou"]["mean"] - alone["miou"]["mean"] > 8
