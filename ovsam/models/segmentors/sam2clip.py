"""SAM2CLIP: distillation of SAM's image embedding into a neck on CLIP's pyramid.

Source: Yuan et al., Open-Vocabulary SAM, section 3.2, equation 1.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.models.freezing import FrozenParts
from ovsam.registry import MODELS
from ovsam.structures.sample import PromptSample


@MODELS.register_module()
class Sam2ClipDistillation(FrozenParts, BaseModel):
    """Mean squared error between the neck's embedding and the teacher's, padding included.

    The teacher's embedding is the sample's `teacher_features` (C, h, w) if there are any, else it is
    computed. The teacher is not in the state dict, so it is in no checkpoint and in no exported file:
    `initial_weights` brings it back.

    Args:
        backbone: (B, 3, S, S) -> feature maps; frozen.
        neck: feature maps -> (B, C, h, w); the only part that trains.
        teacher: (B, 3, S, S) -> (B, C, h, w); frozen. None if the samples bring its features.
        cache: a `PictureCache` for what backbone and teacher give for the pictures of a training.
        data_preprocessor: collated batch to normalised images.
    """

    # The teacher is built after the neck, so the neck starts the same with and without a teacher.
    wiring: ClassVar[dict[str, tuple[str, ...]]] = {"neck": ("backbone",), "teacher": ("neck",)}

    def __init__(
        self,
        *,
        backbone: nn.Module,
        neck: nn.Module,
        teacher: nn.Module | None = None,
        cache: Callable[..., list[Tensor]] | None = None,
        data_preprocessor: nn.Module | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.backbone = backbone
        self.neck = neck
        self.teacher = teacher
        self.cache = cache
        self.freeze_parts("backbone", *(["teacher"] if teacher is not None else []))
        self.register_state_dict_post_hook(_leave_out_teacher)
        self.register_load_state_dict_post_hook(_expect_no_teacher)

    def forward(
        self, inputs: Tensor, data_samples: list[PromptSample] | None = None, mode: str = "tensor"
    ) -> Any:
        """mmengine's entry.

        Args:
            inputs: (B, 3, S, S) normalised and padded.
            data_samples: B samples.
            mode: `loss` -> `loss_distillation`; `predict` -> the samples, each with its
                `distillation_error` ((), mean squared error); `tensor` -> (B, C, h, w).
        """
        if mode == "tensor":
            return self.embed(inputs)
        if mode not in ("loss", "predict"):
            raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', got {mode!r}")
        found, wanted = self.embed(inputs), self.teach(inputs, data_samples or [])
        errors = F.mse_loss(found, wanted, reduction="none").mean(dim=(1, 2, 3))  # -> (B,)
        if mode == "loss":
            return {"loss_distillation": errors.mean()}
        for sample, error in zip(data_samples or [], errors, strict=True):
            sample.distillation_error = error.detach()
        return data_samples

    def forward_complexity(self, num_prompts: int) -> Tensor:
        """The student's embedding of one image; prompts take no part."""
        side = self.data_preprocessor.size
        return self.embed(torch.zeros(1, 3, side, side, device=next(self.parameters()).device))

    def embed(self, inputs: Tensor) -> Tensor:
        """The student's image embedding, (B, C, h, w)."""
        return self.neck(self._frozen(self.backbone, inputs))

    @torch.no_grad()
    def teach(self, inputs: Tensor, data_samples: list[PromptSample]) -> Tensor:
        """The teacher's image embedding, (B, C, h, w)."""
        num_given = sum("teacher_features" in sample for sample in data_samples)
        if 0 < num_given < len(data_samples):
            raise ValueError(
                f"{num_given} of {len(data_samples)} samples have teacher_features, expected all or none"
            )
        if num_given:
            # float32 before they are stacked: autocast to bfloat16 refuses to stack float16.
            return torch.stack([s.teacher_features.to(inputs.device).float() for s in data_samples])
        if self.teacher is None:
            raise ValueError(
                "the model has no teacher and the samples have no teacher_features:"
                " set model.teacher, or make a feature store with tools/cache_teacher.py"
            )
        given = self._frozen(self.teacher, inputs)
        return given if torch.is_tensor(given) else given[0]

    @torch.no_grad()
    def _frozen(self, part: nn.Module, inputs: Tensor) -> Tensor | list[Tensor]:
        """What a frozen part gives: in training from the cache if there is one."""
        return part(inputs) if self.cache is None or not self.training else self.cache(inputs, part)


def _leave_out_teacher(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, _local_metadata: dict[str, Any]
) -> None:
    """Take the teacher's tensors out of the state dict."""
    for name in [name for name in state_dict if name.startswith(f"{prefix}teacher.")]:
        del state_dict[name]


def _expect_no_teacher(module: nn.Module, incompatible_keys: Any) -> None:
    """Do not miss the teacher's tensors when a state dict is loaded."""
    if module.teacher is None:
        return
    own = {f"teacher.{name}" for name in module.teacher.state_dict()}
    missing = incompatible_keys.missing_keys
    missing[:] = [name for name in missing if name.removeprefix("module.") not in own]
