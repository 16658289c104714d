"""What the READMEs say of the committed semantic miniature is true of its files, seed by seed.

The small CLIP differs more from seed to seed than the models over it, so means and deviations hide it.
"""

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


@pytest.mark.parametrize("metric", ["miou", "miou_seen", "miou_unseen", "pixel_accuracy"])
def test_every_trained_model_is_above_the_dense_map_in_every_seed(metric):
    found = values(metric)
    for config in TRAINED:
        assert len(found[config]) == 3
        assert all(
            model > alone for model, alone in zip(found[config], found["dense_clip"], strict=True)
        )


def test_esc_net_is_above_cat_seg_in_every_seed():
    found = values("miou")
    for config in ("escnet_no_sam_block", "escnet_random_sam_block", "escnet"):
        assert all(esc > cat for esc, cat in zip(found[config], found["catseg"], strict=True))


def test_the_sam_block_makes_less_than_a_point():
    found = values("miou")
    for with_sam in ("escnet_random_sam_block", "escnet"):
        pairs = zip(found[with_sam], found["escnet_no_sam_block"], strict=True)
        assert all(abs(one - other) < 1 for one, other in pairs)


def test_trained_models_tell_objects_from_the_background_better_than_the_dense_map():
    content = json.loads((configs_folder() / "mini/label_maps.json").read_text())
    alone = content["mini/dense_clip"]["test"]
    for config in TRAINED:
        test = content[f"mini/{config}"]["test"]
        for part in ("miou", "base", "novel", "background", "objects"):
            assert test[part]["mean"] > alone[part]["mean"]
