"""Guards: gradients that are not finite, loss spikes, waiting for data, the heartbeat."""

import json
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import HistoryBuffer

from ovsam.engine.guards import STALL_WINDOW, WINDOW, GradientGuard, HeartbeatHook, WarningHook


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_no_step_is_taken_with_gradients_that_are_not_finite(wrong):
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.5)
    guard = GradientGuard(optimizer)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert not guard.refused()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.weight.grad[1, 2] = wrong
    optimizer.step()
    assert guard.refused()
    assert not guard.refused()  # told once
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())
    assert all(int(state["step"]) == 1 for state in optimizer.state.values())


def runner(said, **more):
    logger = SimpleNamespace(warning=said.append)
    return SimpleNamespace(logger=logger, message_hub=SimpleNamespace(log_scalars={}), **more)


def test_a_loss_that_jumps_is_told_once_in_a_while():
    said, hook = [], WarningHook()
    for step in range(WINDOW + 20):
        loss = 9.0 if step in (WINDOW + 5, WINDOW + 6) else 1.0 + 0.01 * (step % 7)
        hook.after_train_iter(runner(said, iter=step), step, None, dict(loss=torch.tensor(loss)))
    assert len(said) == 1
    assert f"loss 9 at iteration {WINDOW + 6}, 1.03 was usual" in said[0]


def history(seconds):
    return HistoryBuffer([seconds] * STALL_WINDOW, [1] * STALL_WINDOW)


def test_waiting_for_data_is_told_with_what_to_do():
    said, hook = [], WarningHook()
    made = runner(said, iter=STALL_WINDOW - 1, train_dataloader=SimpleNamespace(num_workers=2))
    for name, seconds in (("train/data_time", 0.3), ("train/time", 0.4)):
        made.message_hub.log_scalars[name] = history(seconds)
    hook.after_train_iter(made, 0, None, {})
    assert len(said) == 1
    assert "75% of the time of the last 50 iterations" in said[0]
    assert "train_dataloader.num_workers, now 2" in said[0]
    made.message_hub.log_scalars["train/data_time"] = history(0.1)
    WarningHook().after_train_iter(made, 0, None, {})
    assert len(said) == 1


def test_each_process_has_a_heartbeat(tmp_path):
    hook = HeartbeatHook(interval=0)
    for rank, name in ((0, "heartbeat.json"), (3, "heartbeat_3.json")):
        made = SimpleNamespace(work_dir=str(tmp_path), rank=rank, iter=4, max_iters=10)
        hook.after_train_iter(made, 4)
        found = json.loads((tmp_path / name).read_text())
        assert (found["state"], found["step"], found["total"]) == ("training", 5, 10)
        hook.write(made, "failed", error="ValueError: broken")
        assert json.loads((tmp_path / name).read_text())["error"] == "ValueError: broken"


def test_a_full_disk_stops_no_heartbeat(tmp_path):
    made = SimpleNamespace(work_dir=str(tmp_path / "gone"), rank=0, iter=4, max_iters=10)
    HeartbeatHook().write(made, "training")
