"""Runs that are stopped, killed or fail: a small part of the proofs, and what a person reads then."""

import os
import resource
import shutil
import signal
import time

import pytest

from ovsam.engine import loops
from ovsam.engine.checkpoints import find_checkpoints, why_not_verified
from tests.reliability import kills
from tests.reliability.resume_matrix import Matrix, cases
from tests.reliability.tiny import STEPS_PER_EPOCH, DiesAfter, Setup, run, same

CASES = {case.name: case for case in cases()}
SHORT = [
    "middle of epoch 2; 1 processes, 2 workers, 4 batches a step",
    "end of epoch 1; 2 processes, 0 workers, 4 batches a step",
    "SIGTERM, 2 processes",
    "joint training",
]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    return Matrix(tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def whole(matrix):
    """A run that nothing stops."""
    return matrix.uninterrupted(Setup())


@pytest.mark.seconds
@pytest.mark.parametrize("name", SHORT)
def test_a_resumed_run_ends_as_one_that_is_not_stopped(matrix, name):
    assert matrix.is_identical(CASES[name])


@pytest.mark.seconds
def test_without_the_states_of_its_processes_a_resumed_run_ends_elsewhere(matrix, monkeypatch):
    monkeypatch.setattr(loops, "restore", lambda *_: None)
    assert not matrix.is_identical(CASES["middle of epoch 3"])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES.keys() - set(SHORT)))
def test_every_resumed_run_ends_as_one_that_is_not_stopped(matrix, name):
    assert matrix.is_identical(CASES[name])


def lost(folder, number):
    reference = folder / "reference"
    assert run(kills.SETUP, reference) == [0]
    found = []
    for what, work_dir in kills.kills(folder, number):
        codes = run(kills.SETUP, work_dir, save_iters=kills.SAVE_ITERS, resume=True)
        if codes != [0] or not same(reference, work_dir):
            found.append(what)
    return found


@pytest.mark.seconds
def test_three_kills_lose_nothing(tmp_path):
    assert lost(tmp_path, 3) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills_lose_nothing(tmp_path):
    assert lost(tmp_path, 100) == []


def output(work_dir, rank=0):
    return (work_dir / f"output_{rank}.txt").read_text()


@pytest.mark.seconds
def test_a_damaged_checkpoint_is_skipped_and_named(whole, tmp_path):
    assert run(Setup(), tmp_path, save_iters=4, hook=DiesAfter(9)) == [-signal.SIGKILL]
    *_, newest = find_checkpoints(tmp_path)
    assert newest.name == "epoch_1_iter_8.pth"
    with open(newest, "r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"?")
    assert run(Setup(), tmp_path, save_iters=4, resume=True) == [0]
    assert f"skipped checkpoint {newest}: its sha256 is not" in " ".join(output(tmp_path).split())
    assert same(whole, tmp_path)


class DiskIsFull(DiesAfter):
    """From the given iteration on, no file may become larger than 10 kB."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iterations:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))


@pytest.mark.seconds
def test_a_full_disk_leaves_the_old_checkpoints_and_says_so(whole, tmp_path):
    assert run(Setup(), tmp_path, save_iters=4, hook=DiskIsFull(9)) == [1]
    said = "epoch_2.pth was not saved (File too large); earlier checkpoints are as they were"
    assert said in output(tmp_path)
    left = find_checkpoints(tmp_path)
    assert [path.name for path in left] == ["epoch_1.pth", "epoch_1_iter_8.pth"]
    assert [why_not_verified(path) for path in left] == ["", ""]
    assert not list(tmp_path.glob(".*.pth*"))
    assert run(Setup(), tmp_path, save_iters=4, resume=True) == [0]
    assert same(whole, tmp_path)


class Fails(DiesAfter):
    """The last process fails."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iterations and runner.rank == runner.world_size - 1:
            raise ValueError("picture 7 is broken")


@pytest.mark.seconds
def test_one_failing_process_ends_all_and_its_message_stays(tmp_path):
    codes = run(Setup(processes=2), tmp_path, hook=Fails(8))
    assert codes == [1, 1]
    assert "ValueError: picture 7 is broken" in output(tmp_path, 1)
    assert '"error": "ValueError: picture 7 is broken"' in (tmp_path / "heartbeat_1.json").read_text()
    assert '"state": "failed"' in (tmp_path / "heartbeat.json").read_text()


class LastIsKilled(DiesAfter):
    """Somebody kills the last process alone, as the kernel does where memory runs out."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iterations and runner.rank == runner.world_size - 1:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.seconds
def test_a_killed_process_ends_the_others_within_seconds(tmp_path):
    began = time.monotonic()
    codes = run(Setup(processes=2, accumulation=4), tmp_path, save_iters=4, hook=LastIsKilled(9))
    assert codes == [1, -signal.SIGKILL]
    assert time.monotonic() - began < 30  # waiting for the other one would take half an hour
    said = output(tmp_path)  # which of the two depends on what gloo notices first
    assert "Connection closed by peer" in said or "Check the logs of the remote worker" in said
    assert '"state": "failed"' in (tmp_path / "heartbeat.json").read_text()
    assert [path.name for path in find_checkpoints(tmp_path)] == ["epoch_1.pth", "epoch_1_iter_8.pth"]


@pytest.mark.seconds
def test_another_number_of_processes_goes_on_with_a_warning(tmp_path):
    codes = run(Setup(processes=2), tmp_path, save_iters=4, hook=DiesAfter(9))
    assert codes == [-signal.SIGKILL] * 2
    assert run(Setup(), tmp_path, save_iters=4, resume=True) == [0]
    said = " ".join(output(tmp_path).split())
    assert "resumed on 1 processes what 2 processes began: the images come in the same order" in said


class AsksInValidation(DiesAfter):
    """Asks to stop while the second epoch is validated."""

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 2 * STEPS_PER_EPOCH and batch_idx == 1:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.seconds
def test_a_run_can_be_asked_to_stop_while_it_validates(matrix, tmp_path):
    setup = Setup(validates=True)
    assert run(setup, tmp_path, hook=AsksInValidation(-1)) == [0]
    assert not (tmp_path / "weights.safetensors").exists()
    assert '"state": "stopped"' in (tmp_path / "heartbeat.json").read_text()
    assert run(setup, tmp_path, resume=True) == [0]
    assert same(matrix.uninterrupted(setup), tmp_path)


@pytest.mark.seconds
def test_a_new_training_in_an_old_folder_starts_anew_and_keeps_the_old_checkpoints(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "again")
    for path in (tmp_path / "again").glob("*/vis_data/scalars.json"):
        path.unlink()
    assert run(Setup(), tmp_path / "again", hook=DiesAfter(7)) == [-signal.SIGKILL]
    assert [path.name for path in find_checkpoints(tmp_path / "again")] == ["epoch_1.pth"]
    (aside,) = (tmp_path / "again").glob("set_aside_*")
    assert [path.name for path in find_checkpoints(aside)] == ["epoch_2.pth", "epoch_3.pth"]
