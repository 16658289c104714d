"""PromptTestLoop: one pass over the pictures that answers several kinds of prompts, for several rows."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop


class PromptTestLoop(TestLoop):
    """Reads and encodes a batch once and judges the answers to each kind of prompts apart.

    Batches and predictions have `data_samples` by kind; so have the `outputs` that hooks see, which are
    those of the first row. Row and kind are the first prefixes of its metrics' names.

    Args:
        runner: its model predicts samples by kind; of several rows, by row and kind.
        dataloader: config, see `evaluation.with_prompt_kinds`.
        evaluators: by row, the first of which is "", and kind.
    """

    def __init__(
        self, runner: Runner, dataloader: Any, evaluators: Mapping[str, Mapping[str, Evaluator]]
    ) -> None:
        metrics = []
        for row, by_kind in evaluators.items():
            for kind, evaluator in by_kind.items():
                for metric in evaluator.metrics:
                    metric.prefix = "/".join(filter(None, (row, kind, metric.prefix)))
                    metrics.append(metric)
        super().__init__(runner, dataloader, Evaluator(metrics))
        self.evaluators = evaluators

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Predict a batch and hand the samples of each kind to its evaluator."""
        self.runner.call_hook("before_test_iter", batch_idx=idx, data_batch=data_batch)
        outputs = self.runner.model.test_step(data_batch)
        by_row = outputs if len(self.evaluators) > 1 else {"": outputs}
        for row, by_kind in self.evaluators.items():
            for kind, evaluator in by_kind.items():
                evaluator.process(data_samples=by_row[row][kind], data_batch=data_batch)
        self.runner.call_hook(
            "after_test_iter", batch_idx=idx, data_batch=data_batch, outputs=by_row[""]
        )
