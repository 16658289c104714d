"""Curves and the report: logs are read as they are, the page needs nothing from outside."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from ovsam.visualization.curves import draw_curves, read_curve
from ovsam.visualization.report import Report, ReportImage, ReportTable, write_report


def write_log(work_dir, name, rows, end=""):
    folder = work_dir / name / "vis_data"
    folder.mkdir(parents=True)
    (folder / "scalars.json").write_text("".join(json.dumps(row) + "\n" for row in rows) + end)


def test_resumed_run_is_one_curve(tmp_path):
    write_log(
        tmp_path, "20260101_000000", [dict(step=s, loss=float(s), lr=0.1) for s in (10, 20, 30)], "{'cut"
    )
    resumed = [dict(step=20, loss=1.5), dict(step=40, loss=1.0), dict(step=40, accuracy=9.0)]
    write_log(tmp_path, "20260101_000100", resumed)
    curve = read_curve(tmp_path)
    assert curve.steps.tolist() == [10, 20, 40]
    assert curve.losses.tolist() == [10.0, 1.5, 1.0]


def test_runs_without_logs_or_losses_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no scalars\.json below"):
        read_curve(tmp_path)
    write_log(tmp_path, "20260101_000000", [dict(step=1, accuracy=3.0)])
    with pytest.raises(ValueError, match="have no 'loss'"):
        read_curve(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_curves_are_drawn(tmp_path, suffix):
    write_log(tmp_path, "20260101_000000", [dict(step=s, loss=2.0 / s) for s in (1, 2, 3)])
    target = tmp_path / f"curves{suffix}"
    draw_curves({name: read_curve(tmp_path) for name in "abc"}, target)
    if suffix == ".png":
        image = np.asarray(Image.open(target).convert("RGB"))
        assert (image == (0, 114, 178)).all(axis=2).any()
    with pytest.raises(ValueError, match="no curves"):
        draw_curves({}, target)


def test_report_is_one_file_with_everything_escaped(tmp_path):
    Image.new("RGB", (5, 7), "red").save(tmp_path / "a.png")
    report = Report(
        title="A <title> & more",
        lead="Lead",
        tables=[
            ReportTable("T", ("Method", "IoU"), [("Ours", "71.5"), ("Other", "not measured")], ["Note"])
        ],
        curves=[ReportImage(tmp_path / "a.png", "losses")],
        pictures=[ReportImage(tmp_path / "a.png", 'two "red" bars', "1 right, 1 wrong")],
        facts=[("hardware", "a CPU")],
        times=[("clip", "1:02")],
    )
    write_report(report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<title>A &lt;title&gt; &amp; more</title>" in page
    assert '<td class="gap">not measured</td>' in page
    assert 'alt="two &quot;red&quot; bars"' in page
    assert page.count('src="data:image/png;base64,') == 2
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "prefers-color-scheme: dark" in page
    for text in ("Lead", "a CPU", "1:02", "Note", "1 right, 1 wrong"):
        assert text in page
    assert page.count("<div") == page.count("</div>")


def test_report_refuses_unknown_pictures(tmp_path):
    (tmp_path / "a.gif").touch()
    with pytest.raises(ValueError, match="a report takes"):
        write_report(
            Report(title="t", lead="l", curves=[ReportImage(tmp_path / "a.gif", "")]),
            tmp_path / "r.html",
        )
