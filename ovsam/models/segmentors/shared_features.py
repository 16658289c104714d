"""SharedFeatures: models that read the same image features, as one."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ovsam.models.segmentors.base import PromptSegmentor, drawn_masks
from ovsam.structures.sample import PromptSample

#: Samples by kind of prompts.
SamplesByKind = dict[str, list[PromptSample]]


class SharedFeatures(BaseModel):
    """Encodes images once for all models, and decodes prompts once for those with the same mask parts.

    Args:
        models: by name; the first one encodes for all, so their `image_parts` are equal, and so are the
            `feature_parts` that several have. Of equal `mask_parts` all have the first one's.
    """

    def __init__(self, models: Mapping[str, PromptSegmentor]) -> None:
        self.names, (first, *_) = tuple(models), models.values()
        super().__init__(data_preprocessor=first.data_preprocessor)
        self.models = nn.ModuleList(models.values())

    def forward(
        self, inputs: Tensor, data_samples: SamplesByKind, mode: str = "predict"
    ) -> dict[str, SamplesByKind]:
        """mmengine's entry; `mode` can only be `predict`, see there."""
        if mode != "predict":
            raise ValueError(f"mode must be 'predict', got {mode!r}")
        return self.predict(inputs, data_samples)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: SamplesByKind) -> dict[str, SamplesByKind]:
        """Images (B, 3, S, S) and B samples of each kind -> by model and kind, with `pred_instances`."""
        first: PromptSegmentor = self.models[0]
        first.check_counts(chain(*data_samples.values()))
        features = first.encode(inputs)
        for model in self.models:
            features = model.completed(features)
        found: dict[str, SamplesByKind] = {name: {} for name in self.names}
        for kind, samples in data_samples.items():
            decoded: dict[tuple[int, ...], tuple[Any, Any]] = {}
            for name, model in zip(self.names, self.models, strict=True):
                parts = tuple(id(getattr(model, part, None)) for part in model.mask_parts)
                if parts not in decoded:
                    masks = model.predict_masks(features, samples)
                    decoded[parts] = masks, drawn_masks(samples, masks, inputs.shape[-1])
                masks, drawn = decoded[parts]
                found[name][kind] = [sample.new() for sample in samples]
                model.fill(found[name][kind], drawn, model.name_masks(features, samples, masks))
        return found
