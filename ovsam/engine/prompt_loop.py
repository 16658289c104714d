"""PromptTestLoop: one pass over the pictures that answers several kinds of prompts."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop


class PromptTestLoop(TestLoop):
    """Reads and encodes a batch once and judges the answers to each kind of prompts apart.

    Batches and predictions have `data_samples` by kind; so have the `outputs` that hooks see. A kind is
    the first prefix of its metrics' names.

    Args:
        runner: its model predicts samples by kind.
        dataloader: config, see `evaluation.with_prompt_kinds`.
        evaluators: by kind.
    """

    def __init__(self, runner: Runner, dataloader: Any, evaluators: Mapping[str, Evaluator]) -> None:
        for kind, evaluator in evaluators.items():
            for metric in evaluator.metrics:
                metric.prefix = f"{kind}/{metric.prefix}" if metric.prefix else kind
        metrics = [metric for evaluator in evaluators.values() for metric in evaluator.metrics]
        super().__init__(runner, dataloader, Evaluator(metrics))
        self.evaluators = evaluators

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Predict a batch and hand the samples of each kind to its evaluator."""
        self.runner.call_hook("before_test_iter", batch_idx=idx, data_batch=data_batch)
        outputs = self.runner.model.test_step(data_batch)
        for kind, evaluator in self.evaluators.items():
            evaluator.process(data_samples=outputs[kind], data_batch=data_batch)
        self.runner.call_hook("after_test_iter", batch_idx=idx, data_batch=data_batch, outputs=outputs)
