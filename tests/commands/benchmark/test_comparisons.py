"""Stages of `ovsam benchmark` that compare with a peer: what they print, and that both sides agree."""

import contextlib
import json
import multiprocessing
import types

import pytest
from mmengine import dist
from mmengine.hooks import IterTimerHook
from mmengine.optim import OptimWrapper

from ovsam.cli import main
from ovsam.commands.benchmark import click, encoder, evaluate, profile, results, stopwatch, turns
from ovsam.commands.benchmark.results import read_results
from ovsam.models.data_preprocessor import PromptDataPreprocessor
from ovsam.models.segmentors.sam2clip import Sam2ClipDistillation

pytestmark = pytest.mark.seconds

ONCE = ["--repeats", "1", "--warm-up", "0", "--json"]
SIDES = {"ours_s", "peer_s", "ratio", "memory_ratio", "relative_error"}


@pytest.fixture(autouse=True)
def fork(monkeypatch):
    context = multiprocessing.get_context("fork")  # has the modules, whose import takes seconds
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: context)


def printed_lines(capsys, *arguments):
    assert main(["benchmark", *arguments, *ONCE]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def printed(capsys, *arguments):
    (line,) = printed_lines(capsys, *arguments)
    return line


@pytest.mark.parametrize("stage", ["encoder", "click", "image", "train"])
def test_nothing_is_called_compiled_that_is_not(stage, capsys):
    assert main(["benchmark", stage, "--device", "cpu", "--compile", *ONCE]) == 2
    told = "leave out --compile: it pays on a GPU only, not on cpu"
    assert told in capsys.readouterr().err


def test_more_prompts_than_a_graph_has_are_not_called_compiled(capsys, monkeypatch):
    monkeypatch.setattr(results, "why_not_compiled", lambda device: "")
    asked = ["click", "--device", "cpu", "--compile", "--prompts", "1", "17"]
    assert main(["benchmark", *asked, *ONCE]) == 2
    assert "--compile is for up to 16 prompts, got 17" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["encoder", "click"])
def test_ours_is_compiled_and_has_a_result_of_its_own(stage, capsys, monkeypatch, tmp_path):
    parts, file = [], tmp_path / "speed.json"
    monkeypatch.setattr(results, "why_not_compiled", lambda device: "")  # nothing is, on a CPU
    for module in (click, encoder):
        monkeypatch.setattr(module, "compile_parts", parts.append)
    asked = [stage, "--architecture", "mini", "--device", "cpu", "--write", str(file)]
    asked += ["--prompts", "1"] if stage == "click" else []
    plain = printed(capsys, *asked)
    assert not parts
    assert printed(capsys, *asked, "--compile").keys() - plain.keys() == {"compiled"}
    assert parts
    names = sorted(read_results(file))
    assert names[1] == f"{names[0]}_compiled"


def test_encoder(capsys, monkeypatch):
    given = ["encoder", "--architecture", "mini", "--device", "cpu"]
    found = printed(capsys, *given)
    assert found.keys() >= SIDES
    assert (found["device"], found["precision"]) == ("cpu", "float32")
    assert found["ratio"] == pytest.approx(found["peer_s"] / found["ours_s"])
    assert found["relative_error"] < 1e-5
    assert found["memory_ratio"] == pytest.approx(found["ours_gb"] / found["peer_gb"])
    assert found["peer_gb"] > 0.05
    of_sides, make_work = [], encoder._work
    monkeypatch.setattr(encoder, "_work", lambda *a: of_sides.append((a[0], a[3])) or make_work(*a))
    halved = printed(capsys, *given, "--two-blocks", "--precision", "bfloat16")
    assert of_sides == [("ours", "bfloat16"), ("peer", "bfloat16"), ("peer", "float32")]
    assert 0 < halved["relative_error"] < 0.1
    assert 0 < halved["peer_error"] < 0.1
    beside = halved["beside_float32"]
    assert beside["ratio"] == pytest.approx(beside["peer_s"] / beside["ours_s"])
    assert "beside_float32" not in found


def test_encoder_of_several_sizes(capsys):
    given = ["encoder", "--architecture", "mini", "--device", "cpu", "--two-blocks"]
    found = printed(capsys, *given, "--sizes", "128", "64")
    assert list(found["sizes"]) == ["64", "128"]
    assert all(value["relative_error"] < 1e-5 for value in found["sizes"].values())
    assert found["ours_s"] == found["sizes"]["128"]["ours_s"]


def test_click(capsys):
    given = ["click", "--architecture", "mini", "--device", "cpu", "--prompts", "3", "1"]
    found = printed(capsys, *given)
    assert found.keys() >= SIDES
    assert list(found["prompts"]) == ["1", "3"]
    for value in found["prompts"].values():
        assert value.keys() >= SIDES
        assert value["relative_error"] < 1e-4
    assert found["milliseconds_a_prompt"] == pytest.approx(1e3 * found["ours_s"] / 3)
    assert found["ours_s"] == found["prompts"]["3"]["ours_s"]


def test_metrics(capsys):
    found = printed(capsys, "metrics", "--side", "40", "--images", "5")
    for name in ("centre_points", "paired_iou", "average_precision"):
        assert found[name]["ratio"] > 0
        assert found[name]["error"] < 1e-9


def test_scoring(capsys):
    sizes = ["--classes", "700", "5", "--synonyms", "2", "--regions", "9", "--width", "16"]
    found = printed(capsys, "scoring", "--device", "cpu", *sizes)
    assert found["same_labels"] is True
    assert found["relative_error"] < 1e-6
    assert list(found["classes"]) == ["5", "700"]
    assert (found["regions"], found["embeddings_gb"]) == (9, 1400 * 16 * 4 / 1e9)
    assert found["memory_ratio"] == found["ours_gb"] / found["peer_gb"] > 0
    assert found["fused_s"] > 0


def test_vocabulary(capsys, tmp_path):
    target = tmp_path / "vocabulary.json"
    given = ["vocabulary", "--device", "cpu", "--architecture", "shapes-rn", "--classes", "2"]
    found = printed(capsys, *given, "--write", str(target))
    assert found["classes"]["2"]["relative_error"] < 1e-5
    written = read_results(target)["vocabulary_shapes-rn_cpu"]
    assert written["classes"] == found["classes"]
    assert written["provenance"]["hardware"]


def test_a_results_file_keeps_what_others_measured(capsys, tmp_path):
    target = tmp_path / "speed.json"
    given = ["scoring", "--device", "cpu", "--regions", "2", "--width", "4", "--write", str(target)]
    first = printed(capsys, *given, "--classes", "5")
    printed(capsys, "metrics", "--side", "40", "--images", "5", "--write", str(target))
    assert list(read_results(target)) == ["metrics_cpu", "scoring_cpu"]
    assert read_results(target)["scoring_cpu"]["classes"] == first["classes"]
    printed(capsys, *given, "--classes", "6")  # of the same name
    assert list(read_results(target)["scoring_cpu"]["classes"]) == ["6"]
    target.write_text(target.read_text().replace('"regions": 2', '"regions": 3'))
    assert main(["benchmark", *given]) == 2
    assert "changed by hand" in capsys.readouterr().err


def test_profile(capsys):
    given = ["profile", "--device", "cpu", "--images", "9", "--warm-up", "1"]
    parts = printed_lines(capsys, *given)
    assert [found["part"] for found in parts] == ["sam2clip", "clip2sam"]
    assert [found["steps"] for found in parts] == [4, 2]  # of one epoch of 8 or 9 pictures
    for found in parts:
        assert found["images_a_second"] == pytest.approx(found["batch"] / found["step_s"])
        assert list(found["shares"]) == ["data", "model", "optimiser", "hooks"]
        assert sum(found["shares"].values()) == pytest.approx(1)
        assert min(found["shares"].values()) > 0
        assert found["shares"]["model"] > found["shares"]["hooks"]


def test_a_profile_of_less_than_a_batch_is_refused_by_its_own_option(capsys):
    assert main(["benchmark", "profile", "--device", "cpu", "--images", "3"]) == 2
    assert "--images must be 4 or more, a batch of the training, got 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("owner", "method", "part"),
    [(OptimWrapper, "step", "optimiser"), (PromptDataPreprocessor, "forward", "data"),
     (IterTimerHook, "_before_iter", "hooks"), (Sam2ClipDistillation, "forward", "model")],
)  # fmt: skip
def test_time_counts_where_it_passes(owner, method, part, capsys, monkeypatch):
    clock, quick = [0.0], getattr(owner, method)

    def slow(*arguments, **named):
        clock[0] += 1
        return quick(*arguments, **named)

    for module in (profile, stopwatch):
        monkeypatch.setattr(module, "now", lambda: clock[0])
    monkeypatch.setattr(owner, method, slow)
    monkeypatch.setattr(profile, "PARTS", {"sam2clip": profile.PARTS["sam2clip"]})
    found = printed(capsys, "profile", "--device", "cpu", "--images", "5")
    assert found["shares"][part] == pytest.approx(1)
    assert found["step_s"] == pytest.approx(1)


def test_data(capsys):
    given = ["data", "--annotations", "400", "--images", "4", "--workers", "2", "0"]
    found = printed(capsys, *given)
    assert list(found["workers"]) == ["0", "2"]
    assert found["images_a_second"] == found["workers"]["2"]["images_a_second"] > 0
    assert found["workers"]["0"].keys() == {"images_a_second"}
    assert 0.001 < found["worker_gb"] < 2
    assert 0 < found["index_gb"] < 400 * 2000 / 1e9
    assert found["index_s"] > 0


def test_too_few_annotations_are_refused(capsys):
    given = ["data", "--annotations", "1", "--images", "2", "--workers", "0"]
    assert main(["benchmark", *given, *ONCE]) == 2
    assert "fill no batch of 2 pictures" in capsys.readouterr().err


def test_a_process_that_fails_ends_the_others(capsys, monkeypatch):
    tested = evaluate._tested

    def failing(*arguments):
        if dist.get_rank() == 1:
            raise ValueError("the second process fails")
        return tested(*arguments)

    monkeypatch.setattr(evaluate, "_tested", failing)
    given = ["evaluate", "--device", "cpu", "--images", "2", "--processes", "2"]
    assert main(["benchmark", *given, *ONCE]) == 2
    assert "the second process fails" in capsys.readouterr().err


def test_evaluate(capsys):
    found = printed(capsys, "evaluate", "--device", "cpu", "--images", "4", "--processes", "2")
    assert found["ratio"] == pytest.approx(found["peer_s"] / found["ours_s"])
    assert found["images_a_second"] == pytest.approx(4 / found["ours_s"])
    assert list(found["shares"]) == ["data", "model", "metric"]
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert min(found["shares"].values()) > 0
    assert found["metrics"]["iou"] > 50  # the weights of the package, and masks of their own pictures
    assert found["error"] < 1e-6
    assert found["processes"]["2"]["metrics"] == pytest.approx(found["metrics"])
    assert found["processes"]["2"]["images_a_second"] > 0
    assert found["processes"]["2"]["processes"] == 2


def test_cache_teacher(capsys, tmp_path):
    given = ["cache_teacher", "--images", "3", "--shape", "5", "7", "9", "--folder", str(tmp_path)]
    found = printed(capsys, *given)
    assert found["ours_s"] == found["write"]["ours_s"] + found["read"]["ours_s"]
    assert found["read"]["images_a_second"] == pytest.approx(3 / found["read"]["ours_s"])
    assert 0 < found["relative_error"] < 1e-3  # float16
    assert found["bytes_ratio"] < 1.5  # of so few features, most is the index
    assert list(tmp_path.iterdir()) == []


def test_sides_take_turns_and_medians_count(monkeypatch):
    seconds = {"ours": iter([50.0, 1.0, 9.0, 2.0]), "peer": iter([70.0, 4.0, 8.0, 3.0])}
    done = []
    monkeypatch.setattr(turns, "seconds_of", lambda run, _: next(seconds[run()]))
    sides = [lambda side=side: done.append(side) or side for side in ("ours", "peer")]

    @contextlib.contextmanager
    def as_peer():
        done.append("in")
        yield
        done.append("out")

    args = types.SimpleNamespace(warm_up=1, repeats=3)
    assert turns.in_turn(*sides, "cpu", args, as_peer) == {"ours_s": 2.0, "peer_s": 4.0, "ratio": 2.0}
    assert done == ["ours", "in", "peer", "out"] * 4


def test_lines_for_readers_without_json(capsys):
    given = ["--repeats", "1", "--warm-up", "0", "--side", "40", "--images", "5"]
    assert main(["benchmark", "metrics", *given]) == 0
    out = capsys.readouterr().out
    assert "paired_iou:\n  peer: torch" in out
