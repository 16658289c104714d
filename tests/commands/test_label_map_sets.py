"""`--sets`: what becomes of a config, and that the files of single sets say the same."""

import pytest
from mmengine.config import Config

from ovsam.benchmark.records import config_digest
from ovsam.commands.label_map_sets import on_set, sets_of
from ovsam.datasets.semseg_specs import EVALUATION_SETS, get_spec
from ovsam.registry import build_model


@pytest.mark.parametrize("name", EVALUATION_SETS)
def test_config_of_a_set_is_the_trained_one_on_that_set(name):
    trained = Config.fromfile("configs/escnet/escnet_vitl14_cocostuff_80k.py")
    before = trained.to_dict()
    found, named = (
        on_set(trained, name).to_dict(),
        Config.fromfile(f"configs/escnet/eval_{name}.py").to_dict(),
    )
    for key in ("model", "test_dataloader"):
        digests = [config_digest(content[key]) for content in (found, named, before)]
        assert digests[0] == digests[1] != digests[2]
    assert named["test_weights"] == "escnet_vitl14_cocostuff_80k"
    assert named["dataset_name"] == get_spec(name).title
    assert trained.to_dict() == before
    assert build_model(found["model"]["vocabulary"]).names == get_spec(name).classes.names


def test_sets_are_for_configs_of_label_maps():
    with pytest.raises(
        ValueError, match=r"not tested on label maps: the set 'a150' is for configs such"
    ):
        on_set(Config.fromfile("configs/mini/ovsam_rn.py"), "a150")
    with pytest.raises(ValueError, match="unknown data set 'ade'"):
        on_set(Config.fromfile("configs/escnet/eval_a150.py"), "ade")


def test_all_sets_are_the_six_and_none_comes_twice():
    assert sets_of(["a150", "all"]) == ("a150", "a847", "pc459", "pc59", "pas20", "pas20b")
    assert sets_of(None) == ()
