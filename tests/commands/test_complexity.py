"""`ovsam complexity` prints the published numbers on the meta device."""

import argparse
import json

import pytest
from mmengine.config import Config

from ovsam.benchmark.complexity import measure
from ovsam.cli import configs_folder, main
from ovsam.commands.complexity import build_on, run


def test_json_adds_up_and_nothing_else_is_printed(capsys):
    assert main(["complexity", "mini/ovsam_rn", "--prompts", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"params", "macs", "parts"}
    for key in ("params", "macs"):
        assert found[key] == sum(part[key] for part in found["parts"].values())
    assert "text_encoder" not in found["parts"]
    assert main(["complexity", "mini/ovsam_rn", "--prompts", "6", "--json"]) == 0
    more = json.loads(capsys.readouterr().out)
    assert more["parts"]["mask_decoder"]["macs"] == 2 * found["parts"]["mask_decoder"]["macs"]
    assert more["parts"]["neck"] == found["parts"]["neck"]


def test_meta_and_cpu_agree():
    config = Config.fromfile(str(configs_folder() / "mini" / "image_crop.py"))
    meta, cpu = (measure(build_on(config.model, device), 2).to_dict() for device in ("meta", "cpu"))
    assert meta == cpu


def test_full_size_equals_the_published_table(tmp_path):
    base = configs_folder() / "_base_" / "models" / "ovsam.py"
    config = Config.fromfile(str(base))
    found = measure(build_on(config.model, "meta"), 10)
    # The published model's 304,046,908 less its label MLP of 328,960, which never reaches the score.
    assert found.params == 303_717_948
    assert found.macs == pytest.approx(1_179.7e9, rel=3e-3)


def test_wrong_numbers_of_prompts_are_refused(capsys):
    assert main(["complexity", "mini/ovsam_rn", "--prompts", "0"]) == 2
    assert "must be 1 or more, got 0" in capsys.readouterr().err


def test_semantic_segmentors_are_counted_by_classes_and_views(capsys):
    command = ["complexity", "parity/catseg_tiny", "--json"]
    assert main([*command, "--classes", "3", "--crops", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["params"] == sum(part["params"] for part in found["parts"].values()) == 8_621_410
    assert found["learnable"] == 3_120_353
    assert (found["classes"], found["crops"]) == (3, 2)
    assert main([*command, "--classes", "3"]) == 0
    once = json.loads(capsys.readouterr().out)
    assert found["parts"]["decoder"]["macs"] == 2 * once["parts"]["decoder"]["macs"]
    assert main([*command, "--classes", "6"]) == 0
    more = json.loads(capsys.readouterr().out)
    assert more["parts"]["cost_embedding"]["macs"] == 2 * once["parts"]["cost_embedding"]["macs"]
    assert more["parts"]["backbone"] == once["parts"]["backbone"]


@pytest.mark.parametrize(("config", "classes"), [("parity/catseg_tiny", None), ("mini/ovsam_rn", 3)])
def test_classes_belong_to_semantic_segmentors(config, classes):
    args = argparse.Namespace(config=config, device="meta", prompts=1, executed=False, json=True)
    args.classes, args.crops = classes, 1
    with pytest.raises(ValueError, match="semantic"):
        run(args)
