"""Fingerprints: a changed line runs the stages that import it, and no others."""

from functools import cache
from pathlib import Path

import pytest
import torch

from ovsam.workflows import miniature, sources
from ovsam.workflows.miniature import ABLATION_STEPS, SEMANTIC_STEPS, STEPS, plan_stages
from tests.released import bring, use_folder

pytestmark = pytest.mark.seconds

REPOSITORY = Path(__file__).resolve().parents[2]
ESCNET = {
    f"{kind} {config}"
    for kind in ("train", "test")
    for config in ("escnet", "escnet_random_sam_block", "escnet_no_sam_block")
}


def fingerprints(monkeypatch, changed="", line=""):
    """Stage -> fingerprint, as if `line` stood at the end of the file `changed`."""
    where = REPOSITORY / changed

    def read(path):
        return path.read_text() + (f"\n{line}\n" if path == where else "")

    monkeypatch.setattr(miniature, "fingerprint", lambda *roots: sources.fingerprint(*roots, read=read))
    steps = {step.config: step for step in (*SEMANTIC_STEPS, *STEPS, *ABLATION_STEPS)}
    stages = plan_stages(Path("r"), (0,), REPOSITORY / "configs", steps=list(steps.values()))
    return {stage.name: stage.fingerprint for stage in stages}


@cache
def fingerprints_of_today():
    with pytest.MonkeyPatch.context() as patch:
        return fingerprints(patch)


def changed_by(monkeypatch, file, line="ADDED = 1"):
    assert (REPOSITORY / file).is_file()
    before, after = fingerprints_of_today(), fingerprints(monkeypatch, file, line)
    return {name for name in before if before[name] != after[name]}, set(before) - {"data"}


def test_a_line_of_the_visualization_runs_the_tests_again_and_trains_nothing(monkeypatch):
    again, every = changed_by(monkeypatch, "ovsam/visualization/predictions.py")
    assert again == {name for name in every if name.startswith("test ")}


def test_other_released_weights_run_the_stages_that_name_them(tmp_path, monkeypatch):
    use_folder(monkeypatch, tmp_path / "small")
    reader, other = tmp_path / "reader.py", tmp_path / "other.py"
    reader.write_text('initial_weights = {"backbone": "shapes_clip_rn#image_encoder"}\n')
    other.write_text("from ovsam.weights import shipped\n")
    found = []
    for value in (1.0, 2.0):
        bring("shapes_clip_rn", {"weight": torch.full((2,), value)})
        found.append([sources.fingerprint(path) for path in (reader, other)])
    assert found[0][0] != found[1][0]
    assert found[0][1] == found[1][1]


def test_a_line_of_a_segmentor_runs_its_own_stages(monkeypatch):
    again, _ = changed_by(monkeypatch, "ovsam/models/segmentors/escnet.py")
    assert again >= ESCNET
    others = {name.split()[1] for name in again - ESCNET}
    assert others <= {"catseg", "dense_clip"}  # they read the same base of models


@pytest.mark.parametrize(
    "file",
    ["ovsam/demo/page.py", "ovsam/workflows/stages.py", "configs/mini/sam2clip_rn_cached.py"],
)
def test_a_line_that_no_stage_imports_runs_none(monkeypatch, file):
    assert changed_by(monkeypatch, file)[0] == set()


def test_a_line_that_all_import_runs_all(monkeypatch):
    again, every = changed_by(monkeypatch, "ovsam/ops/masks.py")
    assert again == every


def test_a_line_of_a_config_runs_it_and_its_children(monkeypatch):
    again, _ = changed_by(monkeypatch, "configs/mini/escnet.py")
    assert again == ESCNET
    again, _ = changed_by(monkeypatch, "configs/_base_/mini_semantic.py")
    assert {name.split()[1] for name in again} >= {"escnet", "catseg"}
    assert not any("ovsam" in name for name in again)


@pytest.mark.parametrize("line", ["# a remark", "", "def f(x): return x"])
def test_only_what_a_source_does_counts(line, tmp_path):
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text('"""One."""\nclass A:\n    """Two."""\n    x = 1\n')
    second.write_text(f'"""Three."""\nclass A:\n    """Four."""\n\n    x = (1)\n{line}\n')
    is_same = sources.fingerprint(first) == sources.fingerprint(second)
    assert is_same == (not line.startswith("def"))


def test_relative_imports_are_followed(tmp_path):
    base, experiment = tmp_path / "_base_" / "models" / "small.py", tmp_path / "mini" / "a.py"
    for file, text in (
        (base, "width = 3"),
        (experiment, "import os\nwith read_base():\n    from .._base_.models.small import width"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    before = sources.fingerprint(experiment)
    base.write_text("width = 4")
    assert sources.fingerprint(experiment) != before
