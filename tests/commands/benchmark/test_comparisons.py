"""Stages of `ovsam benchmark` that compare with a peer: what they print, and that both sides agree."""

import json
import multiprocessing
import types

import pytest

from ovsam.cli import main
from ovsam.commands.benchmark import turns

pytestmark = pytest.mark.seconds

ONCE = ["--repeats", "1", "--warm-up", "0", "--json"]
SIDES = {"ours_s", "peer_s", "ratio", "memory_ratio", "relative_error"}


@pytest.fixture(autouse=True)
def fork(monkeypatch):
    context = multiprocessing.get_context("fork")  # has the modules, whose import takes seconds
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: context)


def printed(capsys, *arguments):
    assert main(["benchmark", *arguments, *ONCE]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_encoder(capsys):
    given = ["encoder", "--architecture", "mini", "--device", "cpu"]
    found = printed(capsys, *given)
    assert found.keys() >= SIDES
    assert (found["device"], found["precision"]) == ("cpu", "float32")
    assert found["ratio"] == pytest.approx(found["peer_s"] / found["ours_s"])
    assert found["relative_error"] < 1e-5
    assert found["memory_ratio"] == pytest.approx(found["ours_gb"] / found["peer_gb"])
    assert found["peer_gb"] > 0.05
    halved = printed(capsys, *given, "--two-blocks", "--precision", "bfloat16")
    assert 0 < halved["relative_error"] < 0.1
    assert 0 < halved["peer_error"] < 0.1


def test_click(capsys):
    given = ["click", "--architecture", "mini", "--device", "cpu", "--prompts", "3", "1"]
    found = printed(capsys, *given)
    assert found.keys() >= SIDES
    assert list(found["prompts"]) == ["1", "3"]
    for value in found["prompts"].values():
        assert value.keys() >= SIDES
        assert value["relative_error"] < 1e-4
    assert found["ours_s"] == found["prompts"]["3"]["ours_s"]


def test_metrics(capsys):
    found = printed(capsys, "metrics", "--side", "40", "--images", "5")
    for name in ("centre_points", "paired_iou", "average_precision"):
        assert found[name]["ratio"] > 0
        assert found[name]["error"] < 1e-9


def test_scoring(capsys):
    sizes = ["--classes", "700", "--synonyms", "2", "--regions", "9", "--width", "16"]
    found = printed(capsys, "scoring", "--device", "cpu", *sizes)
    assert found["same_labels"] is True
    assert found["relative_error"] < 1e-6
    assert (found["classes"], found["regions"], found["embeddings_gb"]) == (700, 9, 1400 * 16 * 4 / 1e9)
    assert found["ours_gb"] > 0
    assert found["fused_s"] > 0


def test_vocabulary(capsys, tmp_path):
    target = tmp_path / "vocabulary.json"
    given = ["vocabulary", "--device", "cpu", "--architecture", "shapes-rn", "--classes", "2"]
    found = printed(capsys, *given, "--write", str(target))
    assert found["classes"]["2"]["relative_error"] < 1e-5
    written = json.loads(target.read_text())
    assert written["classes"] == found["classes"]
    assert written["provenance"]["hardware"]


def test_evaluate(capsys):
    found = printed(capsys, "evaluate", "--device", "cpu", "--images", "4")
    assert found["ratio"] == pytest.approx(found["peer_s"] / found["ours_s"])
    assert found["images_a_second"] == pytest.approx(4 / found["ours_s"])
    assert list(found["shares"]) == ["data", "model", "metric"]
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert min(found["shares"].values()) > 0
    assert found["metrics"]["iou"] > 50  # the weights of the package, and masks of their own pictures
    assert found["error"] < 1e-6


def test_cache_teacher(capsys, tmp_path):
    given = ["cache_teacher", "--images", "3", "--shape", "5", "7", "9", "--folder", str(tmp_path)]
    found = printed(capsys, *given)
    assert found["ours_s"] == found["write"]["ours_s"] + found["read"]["ours_s"]
    assert found["read"]["images_a_second"] == pytest.approx(3 / found["read"]["ours_s"])
    assert 0 < found["relative_error"] < 1e-3  # float16
    assert found["bytes_ratio"] < 1.5  # of so few features, most is the index
    assert list(tmp_path.iterdir()) == []


def test_sides_take_turns_and_medians_count(monkeypatch):
    seconds = {"ours": iter([1.0, 9.0, 2.0]), "peer": iter([4.0, 8.0, 3.0])}
    done = []
    monkeypatch.setattr(turns, "seconds_of", lambda run, _: next(seconds[run()]))
    sides = [lambda side=side: done.append(side) or side for side in ("ours", "peer")]
    args = types.SimpleNamespace(warm_up=1, repeats=3)
    assert turns.in_turn(*sides, "cpu", args) == {"ours_s": 2.0, "peer_s": 4.0, "ratio": 2.0}
    assert done == ["ours", "peer"] * 4


def test_lines_for_readers_without_json(capsys):
    given = ["--repeats", "1", "--warm-up", "0", "--side", "40", "--images", "5"]
    assert main(["benchmark", "metrics", *given]) == 0
    out = capsys.readouterr().out
    assert "paired_iou:\n  peer: torch" in out
