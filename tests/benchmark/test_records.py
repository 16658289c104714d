"""Records: complete, hashed, whole on disk; the digest sees what counts and nothing else."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from ovsam.benchmark import provenance, records

METRICS = {
    "iou": 70.0, "iou_base": 71.5, "iou_novel": 66.0,
    "accuracy": 50.0, "accuracy_base": 55.0, "accuracy_novel": 36.0, "harmonic_mean": 43.5,
    "num_images": 7, "num_base": 20, "num_novel": 5,
}  # fmt: skip


def make_record(**changes):
    origin = {
        "commit": "c" * 40, "dirty": False, "hardware": "a CPU, 2 cores", "device": "cpu",
        "versions": {"ovsam": "0.1.0"}, "threads": 2, "world_size": 1,
        "started": "2026-01-01T00:00:00+00:00", "seconds": 2.5,
    }  # fmt: skip
    fields = dict(
        config="mini/ovsam_rn",
        config_digest="a" * 64,
        method="Open-Vocabulary SAM",
        seed=0,
        prompts="box",
        dataset="shapes test",
        data_sha256="e" * 64,
        metrics=dict(METRICS),
        weights={"ovsam_rn": "b" * 64},
        complexity={"macs": 3_200_000_000, "params": 2_000_000, "num_prompts": 10},
        provenance=origin,
    )
    fields["provenance"] = {**origin, **changes.pop("origin", {})}
    return records.Record(**{**fields, **changes})


def test_record_survives_the_disk(tmp_path):
    record = make_record(metrics={**METRICS, "accuracy": None, "harmonic_mean": None})
    records.write(record, tmp_path / "new" / "record.json")
    assert records.read(tmp_path / "new" / "record.json") == record
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["record.json"]


def test_record_of_a_run_has_everything():
    record = records.Record.of_run(
        config="mini/x",
        config_digest="a" * 64,
        method="M",
        seed=3,
        prompts="center_point",
        dataset="shapes test",
        metrics={
            "iou": 70.5,
            "iou_base": 71,
            "iou_novel": float("nan"),
            "num_images": 2.0,
            "num_base": 4,
        },
        data_sha256="e" * 64,
        weights={
            "/machine/a/weights.safetensors": "b" * 64,
            "/machine/b/weights.safetensors": "d" * 64,
            "clip_rn": "c" * 64,
        },
        complexity={"macs": 5, "params": 6, "num_prompts": 10, "parts": {}},
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
    )
    assert record.metrics["iou_novel"] is None
    assert record.metrics["accuracy"] is None
    assert record.metrics["num_novel"] == 0
    assert set(record.weights) == {"a/weights.safetensors", "b/weights.safetensors", "clip_rn"}
    assert record.provenance["threads"] == torch.get_num_threads()
    assert record.complexity == {"macs": 5, "params": 6, "num_prompts": 10}
    assert record.provenance["versions"]["torch"] == torch.__version__.partition("+")[0]


def detection_metrics(**changes):
    names, counts = records.metric_names("detection:boxes:method")
    found = {**dict.fromkeys(names, 12.5), **dict.fromkeys(counts, 7)}
    return {**found, "ap_rare": None, **changes}


def test_record_of_detector_boxes_has_its_own_metrics(tmp_path):
    prompts = records.detection_prompts("out/Detic swin-B.json", "method")
    assert prompts == "detection:Detic_swin-B:method"
    record = make_record(prompts=prompts, metrics=detection_metrics())
    records.write(record, tmp_path / "record.json")
    assert records.read(tmp_path / "record.json") == record
    made = records.Record.of_run(
        metrics={"ap": 30.5, "num_images": 3}, weights={}, complexity=None, started="x", seconds=1.0,
        **{name: getattr(record, name) for name in
           ("config", "config_digest", "method", "seed", "prompts", "dataset", "data_sha256")},
    )  # fmt: skip
    assert made.metrics["ap"] == 30.5
    assert made.metrics["ap_novel"] is None
    assert made.metrics["num_detections"] == 0
    other = make_record(prompts="detection:boxes:detector", metrics=detection_metrics())
    assert len(records.merge([make_record(), record], [other])) == 3


def test_record_of_label_maps_has_its_own_metrics(tmp_path):
    names, counts = records.metric_names("semantic")
    metrics = {**dict.fromkeys(names, 41.8), **dict.fromkeys(counts, 150), "miou_whole": None}
    record = make_record(prompts="semantic", metrics=metrics)
    records.write(record, tmp_path / "record.json")
    assert records.read(tmp_path / "record.json") == record
    with pytest.raises(ValueError, match=r"metrics must be .*'miou'"):
        make_record(prompts="semantic")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(prompts="detection:boxes:mine"), "prompts must be one of"),
        (dict(prompts="detection"), "prompts must be one of"),
        (dict(prompts="detection:boxes:method"), "metrics must be .*'ap'"),
        (dict(prompts="circle"), "prompts must be one of"),
        (dict(seed=-1), "seed"),
        (dict(config_digest="abc"), "config_digest"),
        (dict(metrics={**METRICS, "iou": 101.0}), "iou must be percent"),
        (dict(metrics={**METRICS, "num_base": 2.5}), "num_base must be a count"),
        (dict(metrics={"iou": 1.0}), "metrics must be"),
        (dict(weights={"x": "short"}), "x must be a sha256"),
        (dict(complexity={"macs": 1}), "complexity must have"),
    ],
)
def test_wrong_field_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        make_record(**change)


def test_record_changed_by_hand_is_refused(tmp_path):
    path = tmp_path / "record.json"
    records.write(make_record(), path)
    content = json.loads(path.read_text())
    content["metrics"]["iou"] = 99.0
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"record\.json.*changed by hand"):
        records.read(path)


def test_broken_and_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tools/test\.py"):
        records.read(tmp_path / "no.json")
    (tmp_path / "half.json").write_text('{"schema": 1, "con')
    with pytest.raises(ValueError, match=r"half\.json"):
        records.read(tmp_path / "half.json")
    (tmp_path / "other.json").write_text('{"schema": 9}')
    with pytest.raises(ValueError, match="schema 2, got 9"):
        records.read(tmp_path / "other.json")


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    records.write(make_record(seed=1), path)

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        records.write(make_record(seed=2), path)
    assert records.read(path).seed == 1
    assert [found.name for found in tmp_path.iterdir()] == ["record.json"]


def test_results_hold_one_record_per_cell_and_seed(tmp_path):
    one, two = make_record(), make_record(seed=1)
    records.write_results([two, one], tmp_path / "results.json")
    assert records.read_results(tmp_path / "results.json") == [one, two]
    with pytest.raises(ValueError, match="two records"):
        records.write_results([one, one], tmp_path / "results.json")
    newer = make_record(metrics={**METRICS, "iou": 72.0})
    assert sorted(r.metrics["iou"] for r in records.merge([one, two], [newer])) == [70.0, 72.0]


@pytest.mark.parametrize(
    ("origin", "reason"),
    [(dict(commit=None, dirty=None), "no commit"), (dict(dirty=True), "differed"), ({}, "")],
)
def test_blemish_of_unpublishable_records(origin, reason):
    record = make_record(origin=origin)
    assert bool(record.blemish) == bool(reason)
    assert reason in record.blemish
    assert "no weights" in dataclasses.replace(make_record(), weights={}).blemish


def test_digest_leaves_out_place_and_workers_only():
    def config(**changes):
        loader = dict(
            batch_size=4, num_workers=2, dataset=dict(data_root="/x", ann_file="/x/train.json")
        )
        return {
            "model": dict(type=torch.nn.Linear, width=8),
            "loader": loader,
            "work_dir": "a",
            **changes,
        }

    digest = provenance.config_digest(config())
    moved = config(work_dir="b", launcher="slurm", randomness=dict(seed=5))
    moved["loader"] = dict(
        dataset=dict(ann_file="/elsewhere/train.json", data_root="/y"), num_workers=0, batch_size=4
    )
    assert provenance.config_digest(moved) == digest
    assert provenance.config_digest(config(model=dict(type=torch.nn.Linear, width=9))) != digest
    assert provenance.config_digest(config(model=dict(type=torch.nn.Bilinear, width=8))) != digest
    named = config(model=dict(type="torch.nn.modules.linear.Linear", width=8))
    assert provenance.config_digest(named) == digest
    assert provenance.config_digest(config(tuned=dict(width=8))) == digest  # a part that models copy
    with pytest.raises(TypeError, match="no digest"):
        provenance.config_digest(dict(x=object()))


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_git_state_is_of_this_checkout_only(tmp_path):
    assert provenance.git_state(tmp_path) == (None, None)
    git(tmp_path, "init")
    results = ("configs/mini/results.json", "configs/complexity.json", "configs/mini/README.md")
    for name in ("ovsam/a.py", *results, "tools/b.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "x")
    commit, dirty = provenance.git_state(tmp_path)
    assert len(commit) == 40
    assert dirty is False
    for name in (*results, "configs/mini/everything.json", "tests/models/test_new.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("2")  # results, and what measures nothing
    assert provenance.git_state(tmp_path) == (commit, False)
    for name in ("ovsam/new.py", "configs/mini/new.py", "tests/parity/run.py", "tests/demo/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("2")
        assert provenance.git_state(tmp_path) == (commit, True), name
        (tmp_path / name).unlink()
    assert provenance.git_state(tmp_path / "ovsam") == (None, None)


def test_cores_are_those_that_a_container_grants(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "CPU_SHARE", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(7)), raising=False)
    assert provenance.available_cores() == 7
    for text, cores in (
        ("max 100000", 7),
        ("300000 100000", 3),
        ("20000 100000", 1),
        ("900000 1000", 7),
    ):
        (tmp_path / "cpu.max").write_text(text)
        assert provenance.available_cores() == cores
