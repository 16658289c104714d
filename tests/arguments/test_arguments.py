"""What the commands declare: without heavy imports, and in agreement with the parts that do the work."""

import dataclasses
import importlib
import json
import subprocess
import sys
from argparse import ArgumentParser

import pytest

from ovsam import cli
from ovsam.arguments import prepare_data
from ovsam.benchmark.rendering import FORMATS
from ovsam.commands import benchmark
from ovsam.commands.benchmark import promptable
from ovsam.datasets.feature_store import IMAGES_PER_SHARD
from ovsam.datasets.preparation.semantic import PREPARATIONS
from ovsam.datasets.shapes.writer import ShapesPlan
from ovsam.demo.service import Limits
from ovsam.engine.precision import PRECISIONS
from ovsam.evaluation.comparison import NUM_RESAMPLES
from ovsam.inference.everything import GridSettings
from ovsam.inference.semantic_predictor import VIEWS
from ovsam.models.backbones.sam_image import SAM_SPECS
from ovsam.workflows.suites import SUITES
from ovsam.workflows.sweeps import LAUNCHERS

#: One of these costs more than the whole of a help text may: torch alone takes seconds.
HEAVY = ("torch", "numpy", "mmengine", "cv2", "PIL", "matplotlib", "rich")


def parser_of(command):
    parser = ArgumentParser()
    importlib.import_module(f"ovsam.arguments.{command}").add_arguments(parser)
    return parser


def choices_of(command, option, stage=None):
    parser = parser_of(command)
    if stage:
        parser = choices_of(command, "stage")[stage]
    return next(a.choices for a in parser._actions if option in (*a.option_strings, a.dest))


def test_help_of_every_command_imports_nothing_heavy():
    code = (
        "import contextlib, io, json, sys\n"
        "from ovsam import cli\n"
        "found = {}\n"
        "for name in cli._commands():\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):\n"
        "        cli.main([name, '--help'])\n"
        "    imported = {module.partition('.')[0] for module in sys.modules}\n"
        "    found[name] = [told.getvalue(), sorted(imported)]\n"
        "print(json.dumps(found))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    found = json.loads(out)
    assert len(found) >= 20
    for name, (told, imported) in found.items():
        assert told.startswith(f"usage: ovsam {name} ")
        assert not set(HEAVY) & set(imported), name


def test_every_command_has_help_and_work():
    for name in cli._commands():
        declared = importlib.import_module(f"ovsam.arguments.{name}")
        assert declared.__doc__.startswith(f"`ovsam {name}`: ")
        assert callable(importlib.import_module(f"ovsam.commands.{name}").run)


@pytest.mark.parametrize(
    ("command", "given", "expected"),
    [
        ("predict", ["a.png"], dataclasses.asdict(GridSettings())),
        ("cache_teacher", ["a"], dict(images_per_shard=IMAGES_PER_SHARD)),
        ("compare", ["a", "b"], dict(resamples=NUM_RESAMPLES)),
        ("prepare_data", ["shapes"], dataclasses.asdict(ShapesPlan())),
    ],
)
def test_defaults_are_those_of_the_parts(command, given, expected):
    declared = vars(parser_of(command).parse_args(given))
    shared = declared.keys() & expected.keys()
    assert shared
    assert {key: declared[key] for key in shared} == {key: expected[key] for key in shared}


def test_limits_of_a_visitor_are_the_pages():
    args, limits = parser_of("demo").parse_args([]), Limits()
    asked = (args.max_megabytes * 1e6, args.max_pixels, args.max_words, args.max_seconds, args.max_queue)
    assert asked == (limits.file_bytes, limits.pixels, limits.words, limits.seconds, limits.queue)


def test_choices_are_those_of_the_parts():
    assert choices_of("sweep", "--launcher") == LAUNCHERS
    assert set(choices_of("benchmark", "stage")) == set(benchmark.STAGES)
    assert choices_of("benchmark", "--precision", "semantic") == PRECISIONS
    assert choices_of("benchmark", "--architecture", "encoder") == tuple(SAM_SPECS)
    assert choices_of("benchmark", "--of", "train") == tuple(promptable.PARTS)
    assert choices_of("make_tables", "--format") == FORMATS
    assert choices_of("predict", "--views") == VIEWS
    assert set(prepare_data.LABEL_MAPS) == set(PREPARATIONS)
    for chosen in ([], ["--ablations"], ["--semantic"]):
        assert parser_of("quickstart").parse_args(chosen).suite in SUITES


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("train_cfg.max_epochs", "expected KEY=VALUE, got 'train_cfg.max_epochs'"),
        ("=2", "expected KEY=VALUE, got '=2'"),
        ("test_prompts=[box", "unbalanced brackets in 'test_prompts=[box'"),
    ],
)
def test_malformed_options_are_named(option, message, capsys):
    with pytest.raises(SystemExit):
        parser_of("train").parse_args(["mini/sam_vit", "--cfg-options", "a=1", option])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("benchmark semantic a --classes 0", "--classes: must be 1 or more, got 0"),
        ("benchmark semantic a --size 64 0", "--size: must be 1 or more, got 0"),
        ("benchmark semantic a --repeats 0", "--repeats: must be 1 or more, got 0"),
        ("benchmark semantic a --warm-up -1", "--warm-up: must be 0 or more, got -1"),
        ("benchmark train --repeats 0", "--repeats: must be 1 or more"),
        ("benchmark encoder --warm-up -2", "--warm-up: must be 0 or more"),
        ("benchmark click --prompts 1 0", "--prompts: must be 1 or more"),
        ("benchmark vocabulary --classes 0", "--classes: must be 1 or more"),
        ("benchmark metrics --side 0", "--side: must be 1 or more"),
        ("cache_teacher a --batch-size 0", "--batch-size: must be 1 or more"),
        ("cache_teacher a --workers -1", "--workers: must be 0 or more"),
        ("compare a b --resamples 0", "--resamples: must be 1 or more"),
        ("compare a b --min-instances 0", "--min-instances: must be 1 or more"),
        ("complexity a --prompts 0", "--prompts: must be 1 or more"),
        ("complexity a --classes 0", "--classes: must be 1 or more"),
        ("complexity a --crops 0", "--crops: must be 1 or more"),
        ("demo --max-words 0", "--max-words: must be 1 or more"),
        ("demo --max-megabytes 0", "--max-megabytes: must be above 0, got 0"),
        ("demo --max-seconds nan", "--max-seconds: must be above 0, got nan"),
        ("detect a torchvision:b --output c --max-per-image 0", "--max-per-image: must be 1 or more"),
        ("measure_everything --images 0", "--images: must be 1 or more"),
        ("measure_everything --stability 0.8 1.5", "--stability: must be 0 to 1, got 1.5"),
        ("measure_label_maps a --weights-root b --images 0", "--images: must be 1 or more"),
        ("measure_label_maps a --weights-root b --thresholds 2", "--thresholds: must be 0 to 1, got 2"),
        ("predict a.png --top 0", "--top: must be 1 or more"),
        ("predict a.png --max-pixels 0", "--max-pixels: must be 1 or more"),
        ("prepare_data shapes --workers 0", "--workers: must be 1 or more"),
        ("quickstart --seeds 0", "--seeds: must be 1 or more"),
        ("quickstart --slots 0", "--slots: must be 1 or more"),
        ("sweep a --jobs 0", "--jobs: must be 1 or more"),
        ("test a --pictures -1", "--pictures: must be 0 or more"),
        ("train a --seed -1", "--seed: must be 0 or more"),
        ("train a --seed one", "--seed: invalid natural_int value: 'one'"),
    ],
)
def test_numbers_out_of_range_are_told_by_option(given, told, capsys):
    command, *arguments = given.split()
    with pytest.raises(SystemExit) as ended:
        cli.main([command, *arguments])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
