"""What a run of the miniature leaves at its end, from committed records."""

import json

import pytest

from ovsam.benchmark import records
from ovsam.commands.quickstart import _summarize
from ovsam.workflows.miniature import trained_steps
from ovsam.workflows.suites import JOINT
from tests import configs

pytestmark = pytest.mark.seconds


def test_joint_training_ends_with_table_curves_and_report(tmp_path, capsys):
    place = tmp_path / "seed_0"
    for record in records.read_results(configs.FOLDER / "mini/joint.json"):
        folder = place / record.config.removeprefix("mini/")
        folder.mkdir(parents=True, exist_ok=True)
        stem = record.prompts.replace(":", "_")
        records.write(record, folder / f"record_test_{stem}.json")
    for name in trained_steps(JOINT.steps):
        logs = place / name / "20260101_000000" / "vis_data"
        logs.mkdir(parents=True)
        lines = [json.dumps({"step": step, "loss": 1 / step}) for step in (1, 2, 3)]
        (logs / "scalars.json").write_text("\n".join(lines))
    _summarize(tmp_path, range(1), {"train joint_all": 1.0}, 2.0, JOINT)
    shown = capsys.readouterr().out
    assert "+ image labels (19,961)" in shown
    assert {path.name for path in (tmp_path / "joint").iterdir()} >= {
        "table.md", "results.json", "curves.png", "report.html",
    }  # fmt: skip
    report = (tmp_path / "joint" / "report.html").read_text()
    assert "shapes scenes of labels test, 200 images" in report
    assert "objects, 24000 names" in report
