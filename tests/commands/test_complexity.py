"""`ovsam complexity` prints the published numbers on the meta device."""

import argparse
import json

import pytest
from mmengine.config import Config

from ovsam.benchmark.complexity import QUESTIONS, measure, read_costs
from ovsam.benchmark.provenance import config_digest
from ovsam.cli import configs_folder, find_config, main
from ovsam.commands.complexity import (
    TABLE_CLASSES,
    TABLE_VIEWS,
    build_on,
    configs_of_tables,
    run,
)
from ovsam.engine.configuration import load_config

pytestmark = pytest.mark.seconds


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


def test_counts_are_written_for_tables(tmp_path, capsys):
    file = tmp_path / "complexity.json"
    assert main(["complexity", "mini/sam_vit", "mini/image_crop", "--write", str(file)]) == 0
    assert "mini/image_crop:" in capsys.readouterr().out
    found = read_costs(file)
    assert set(found) == {"mini/sam_vit", "mini/image_crop"}
    assert found["mini/sam_vit"]["num_prompts"] == 10
    assert main(["complexity"]) == 2
    assert "name a config" in capsys.readouterr().err


def test_committed_counts_are_those_of_the_configs_of_today():
    """Recounted: the smallest; compared by digest: all. `--of-tables --write` counts them again."""
    found = read_costs(configs_folder() / "complexity.json")
    assert set(found) == set(configs_of_tables())
    hint = "count again: tools/complexity.py --of-tables --write configs/complexity.json"
    for name, cost in found.items():
        config = load_config(find_config(name))
        assert cost["config_digest"] == config_digest(config.to_dict()), f"{name} changed; {hint}"
        assert cost["dirty"] is False, f"{name} was counted from a changed tree; {hint}"
        asked = {key: cost[key] for key in QUESTIONS if key in cost}
        expected = {"num_classes": TABLE_CLASSES, "num_views": TABLE_VIEWS}
        expected = {"num_prompts": 10} if "num_prompts" in asked else expected
        assert asked == expected, f"{name} was counted for another question than the tables'; {hint}"
    name = "ablations/table8/rn50"
    recounted = measure(build_on(load_config(find_config(name)).model, "meta"), 10)
    assert (recounted.macs, recounted.params) == (found[name]["macs"], found[name]["params"])


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
    args = argparse.Namespace(configs=[config], device="meta", prompts=1, executed=False, json=True)
    args.classes, args.crops, args.of_tables, args.write = classes, 1, False, None
    with pytest.raises(ValueError, match="semantic"):
        run(args)
