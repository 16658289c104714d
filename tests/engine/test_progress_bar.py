"""The progress bar: on a terminal only, and never left behind."""

import io
import logging
import sys
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from ovsam.engine.progress_bar import ProgressBarHook


@pytest.fixture
def runner():
    logger = logging.Logger("test")
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    return SimpleNamespace(
        experiment_name="mini/x", max_iters=7, iter=2, epoch=0, max_epochs=3, logger=logger,
        test_dataloader=[0] * 5,
    )  # fmt: skip


def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=120)


def test_shows_step_epoch_and_loss_and_begins_where_the_run_begins(runner):
    hook = ProgressBarHook(console=terminal())
    hook.before_train(runner)
    hook.after_train_iter(runner, 0, outputs=dict(loss=torch.tensor(0.25)))
    hook.progress.refresh()
    shown = hook.console.file.getvalue()
    hook.close()
    for text in ("mini/x", "3/7", "epoch 1/3, loss 0.25"):
        assert text in shown


def test_test_counts_batches(runner):
    hook = ProgressBarHook(console=terminal())
    hook.before_test(runner)
    hook.after_test_iter(runner, 0)
    hook.progress.refresh()
    assert "1/5" in hook.console.file.getvalue()
    hook.close()


def test_closing_gives_the_terminal_and_the_log_back(runner):
    streams = (sys.stdout, sys.stderr)
    (handler,) = runner.logger.handlers
    own = handler.stream
    hook = ProgressBarHook(console=terminal())
    hook.before_train(runner)
    assert handler.stream is not own
    hook.close()
    hook.close()  # twice does no harm
    assert handler.stream is own
    assert (sys.stdout, sys.stderr) == streams
    assert hook.console.file.getvalue().rstrip().endswith("\x1b[2K")  # the bar's line is wiped


def test_without_a_terminal_nothing_is_written(runner):
    hook = ProgressBarHook(console=Console(file=io.StringIO()))
    hook.before_train(runner)
    hook.after_train_iter(runner, 0, outputs=dict(loss=torch.tensor(0.25)))
    hook.close()
    assert hook.console.file.getvalue() == ""
