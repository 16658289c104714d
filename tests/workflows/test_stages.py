"""Stages: order, side by side, skipping, interruption, failure, locks, progress."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ovsam.workflows import scheduling
from ovsam.workflows.scheduling import run_stages
from ovsam.workflows.stage_display import LineDisplay, duration, seconds_left
from ovsam.workflows.stages import Stage, StageError

pytestmark = pytest.mark.seconds

REPOSITORY = Path(__file__).resolve().parents[2]
#: Appends "<name> <threads> begin" and "end" to a common file, and leaves its output.
SCRIPT = (
    "import os, sys, time\n"
    "name, seconds, book, out = sys.argv[1:5]\n"
    "threads = os.environ['OMP_NUM_THREADS']\n"
    "say = lambda what: open(book, 'a').write(f'{name} {threads} {what}\\n')\n"
    "say('begin' + ''.join(sys.argv[5:])); time.sleep(float(seconds))\n"
    "open(out, 'w').write(name); say('end')\n"
)


@pytest.fixture
def book(tmp_path):
    return tmp_path / "book.txt"


def make(tmp_path, name, needs=(), seconds=0.0, script=SCRIPT, **fields):
    folder = tmp_path / name
    out = folder / "out.txt"
    command = (sys.executable, "-c", script, name, str(seconds), str(tmp_path / "book.txt"), str(out))
    return Stage(
        name=name, command=command, work_dir=folder, needs=tuple(needs), outputs=(out,), **fields
    )


def lines(book):
    return book.read_text().splitlines()


def test_side_by_side_with_the_same_threads_as_alone(tmp_path, book):
    plan = [
        make(tmp_path, "data"),
        make(tmp_path, "left", ["data"], seconds=0.5),
        make(tmp_path, "right", ["data"], seconds=0.5),
        make(tmp_path, "last", ["left", "right"]),
    ]
    seconds = run_stages(plan, slots=2, cores=2)
    assert set(seconds) == {"data", "left", "right", "last"}
    assert seconds["left"] >= 0.5
    found = lines(book)
    assert found[:2] == ["data 1 begin", "data 1 end"]
    assert set(found[2:4]) == {"left 1 begin", "right 1 begin"}
    assert set(found[4:6]) == {"left 1 end", "right 1 end"}
    assert found[6:] == ["last 1 begin", "last 1 end"]


def test_one_core_means_one_after_the_other(tmp_path, book):
    run_stages([make(tmp_path, "a", seconds=0.3), make(tmp_path, "b")], slots=2, cores=1)
    assert lines(book) == ["a 1 begin", "a 1 end", "b 1 begin", "b 1 end"]


def test_done_stages_are_skipped_until_something_before_them_changes(tmp_path, book):
    plan = [make(tmp_path, "a"), make(tmp_path, "b", ["a"]), make(tmp_path, "c")]
    first = run_stages(plan)
    book.unlink()
    assert run_stages(plan) == first
    assert not book.exists()
    changed = [make(tmp_path, "a", fingerprint="new"), *plan[1:]]
    run_stages(changed)
    assert {line.split()[0] for line in lines(book)} == {"a", "b"}
    book.unlink()
    (tmp_path / "c" / "out.txt").unlink()
    run_stages(changed)
    assert {line.split()[0] for line in lines(book)} == {"c"}


def test_lost_predecessor_runs_its_successors_again(tmp_path, book):
    plan = [make(tmp_path, "b", ["a"]), make(tmp_path, "a")]
    run_stages(plan)
    book.unlink()
    (tmp_path / "a" / "out.txt").unlink()
    run_stages(plan)
    assert [line.split()[0] for line in lines(book)] == ["a", "a", "b", "b"]


def test_successors_are_lost_even_if_the_run_is_interrupted_before_them(tmp_path, book):
    plan = [make(tmp_path, "a"), make(tmp_path, "b", ["a"])]
    run_stages(plan)
    (tmp_path / "a" / "out.txt").unlink()

    def interrupt(state):
        if "a" in state.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stages(plan, show=interrupt)
    book.write_text("")
    run_stages(plan)
    assert {line.split()[0] for line in lines(book)} == {"b"}


def test_failure_shows_the_end_of_the_log_and_stops_the_others(tmp_path, book):
    broken = "print('first line'); raise SystemExit('it is broken')"
    plan = [make(tmp_path, "bad", script=broken), make(tmp_path, "long", seconds=60)]
    began = time.monotonic()
    with pytest.raises(StageError, match=r"(?s)stage bad ended with code 1.*first line.*it is broken"):
        run_stages(plan, slots=2, cores=2)
    assert time.monotonic() - began < 8
    assert not (tmp_path / "long" / "out.txt").exists()


def test_missing_output_is_a_failure(tmp_path):
    with pytest.raises(StageError, match=r"did not leave .*out\.txt"):
        run_stages([make(tmp_path, "a", script="pass")])


@pytest.mark.parametrize(
    ("needs", "message"), [({"a": ["x"]}, "do not exist"), ({"a": ["b"], "b": ["a"]}, "wait for each")]
)
def test_plans_that_cannot_work_are_refused(tmp_path, needs, message):
    with pytest.raises(StageError, match=message):
        run_stages([make(tmp_path, name, before) for name, before in needs.items()])


def test_interrupted_run_stops_its_children_and_goes_on_where_it_was(tmp_path, book):
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.workflows.test_stages import make\n"
        "from ovsam.workflows.scheduling import run_stages\n"
        "folder = Path(sys.argv[1])\n"
        "plan = [make(folder, 'a'), make(folder, 'b', ['a'], 60, resume=('R',), clear=('*.pth',))]\n"
        "run_stages(plan)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, stderr=-3)
    deadline = time.monotonic() + 30
    while not (book.exists() and len(lines(book)) == 3):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (tmp_path / "b" / "half.pth").touch()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) != 0
    assert lines(book)[2].endswith("begin")
    plan = [make(tmp_path, "a"), make(tmp_path, "b", ["a"], 60, resume=("R",), clear=("*.pth",))]
    # The same command resumes, and nothing was cleared. Its sleep is cut by a failure.
    state = []

    def stop_after_begin(seen):
        state.append(seen)
        if len(lines(book)) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stages(plan, show=stop_after_begin)
    assert state[0].skipped == {"a"}
    assert lines(book)[3].endswith("beginR")
    assert (tmp_path / "b" / "half.pth").exists()
    # Another command starts anew.
    run_stages([plan[0], make(tmp_path, "b", ["a"], resume=("R",), clear=("*.pth",))])
    assert not (tmp_path / "b" / "half.pth").exists()
    assert lines(book)[4].endswith("begin")


def test_locked_folder_is_refused(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from ovsam.workflows.scheduling import lock_folder\n"
        "with lock_folder(Path(sys.argv[1])): print('in', flush=True); time.sleep(30)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=-1, text=True)
    try:
        assert process.stdout.readline() == "in\n"
        with pytest.raises(StageError, match="another run is at work"), scheduling.lock_folder(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()
    with scheduling.lock_folder(tmp_path):
        pass


def test_progress_is_read_from_this_attempt_only(tmp_path):
    script = (
        "import json, sys, time\n"
        "content = dict(stage='a', step=3, total=7, loss=0.25, seconds_left=65)\n"
        "json.dump(content, open(sys.argv[4].replace('out.txt', 'progress.json'), 'w'))\n"
        "time.sleep(1); open(sys.argv[4], 'w')\n"
    )
    stage = make(tmp_path, "a", script=script)
    stage.work_dir.mkdir()
    old = stage.work_dir / "progress.json"
    old.write_text(json.dumps(dict(step=99, total=100)))
    os.utime(old, (1, 1))
    told, steps = [], set()
    display = LineDisplay(told.append, seconds=0.3)

    def show(state):
        steps.update(r.progress().get("step") for r in state.running.values())
        display(state)

    run_stages([stage], cores=2, show=show)
    assert steps == {None, 3}
    assert any("a: step 3/7, loss 0.25, 1:05 left" in line for line in told)
    assert told[0].endswith("a: begins, 1 threads")
    assert "[1/1] a: done in 0:0" in told[-1]


def test_durations_are_readable():
    assert [duration(s) for s in (4, 247, 3723)] == ["0:04", "4:07", "1:02:03"]


def test_a_sweep_goes_on_after_a_failure_but_not_behind_it(tmp_path, book):
    broken = "raise SystemExit('it is broken')"
    plan = [
        make(tmp_path, "bad", script=broken),
        make(tmp_path, "behind", ["bad"]),
        make(tmp_path, "far behind", ["behind"]),
        make(tmp_path, "other"),
    ]
    failures = {}
    done = run_stages(plan, slots=1, cores=1, on_failure=failures.__setitem__)
    assert set(done) == {"other"}
    assert set(failures) == {"bad"}
    assert "it is broken" in failures["bad"]
    mended = [make(tmp_path, "bad"), *plan[1:]]
    assert set(run_stages(mended, on_failure=failures.__setitem__)) == {stage.name for stage in plan}
    assert [line.split()[0] for line in lines(book)].count("other") == 2  # begin and end, once


def test_time_left_is_taken_from_like_stages(tmp_path):
    plan = [
        make(tmp_path, name)
        for name in ("s 0: train a", "s 0: test a", "s 1: train a", "s 1: train b", "s 1: test b", "c")
    ]
    state = scheduling.State(plan)
    assert seconds_left(state) is None
    state.done = {"s 0: train a": 100.0, "s 0: test a": 10.0}
    # train a as before 100, train b as the mean training 100, test b 10, c as the mean of all 55
    assert seconds_left(state) == 265.0
    state.failed = {"c": "broken"}
    assert seconds_left(state) == 210.0
