"""Key maps of CAT-Seg's released checkpoints and of CLIP's attention weights to ours.

Converters for `weights.load_parts`; values are split and reshaped, never changed.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from ovsam.weights.renaming import rename_all, renamed_by

_HEAD = r"^sem_seg_head\.predictor\."
_CLIP = _HEAD + r"clip_model\."
_LAYER = _HEAD + r"transformer\.layers\.(\d+)\."

#: (pattern of CAT-Seg's name, ours), applied to the first match.
_RULES = (
    (_CLIP + r"(visual\.|logit_scale$)", r"backbone.\1"),
    (
        _CLIP + r"(positional_embedding$|text_projection$|transformer\.|token_embedding\.|ln_final\.)",
        r"backbone.text.\1",
    ),
    (_HEAD + r"transformer\.conv1\.", "cost_embedding.projection."),
    (_HEAD + r"transformer\.guidance_projection\.", "aggregator.image_guidance."),
    (_HEAD + r"transformer\.text_guidance_projection\.", "aggregator.text_guidance."),
    (_LAYER + r"swin_block\.guidance_norm\.", r"aggregator.layers.\1.windows.guidance_norm."),
    (_LAYER + r"swin_block\.block_1\.", r"aggregator.layers.\1.windows.blocks.0."),
    (_LAYER + r"swin_block\.block_2\.", r"aggregator.layers.\1.windows.blocks.1."),
    (_LAYER + r"attention\.padding_tokens$", r"aggregator.layers.\1.classes.padding_token"),
    (_LAYER + r"attention\.", r"aggregator.layers.\1.classes."),
    (_HEAD + r"transformer\.decoder_guidance_projection\.", "decoder.guidance."),
    (_HEAD + r"transformer\.decoder1\.", "decoder.stages.0."),
    (_HEAD + r"transformer\.decoder2\.", "decoder.stages.1."),
    (_HEAD + r"transformer\.head\.", "decoder.head."),
    (r"^upsample1\.", "decoder.tap_upsamplers.0."),
    (r"^upsample2\.", "decoder.tap_upsamplers.1."),
)
#: Pieces inside a renamed part, applied one after the other.
_PIECES = (
    (r"^(aggregator\.layers\..*)\.(?:attn|attention)\.q\.", r"\1.attention.query."),
    (r"^(aggregator\.layers\..*)\.(?:attn|attention)\.k\.", r"\1.attention.key."),
    (r"^(aggregator\.layers\..*)\.(?:attn|attention)\.v\.", r"\1.attention.value."),
    (r"^(aggregator\.layers\..*\.windows\..*)\.attn\.proj\.", r"\1.projection."),
    (r"^(aggregator\.layers\..*\.windows\..*)\.mlp\.fc1\.", r"\1.mlp.0."),
    (r"^(aggregator\.layers\..*\.windows\..*)\.mlp\.fc2\.", r"\1.mlp.2."),
    (r"^(aggregator\.layers\..*\.classes)\.MLP\.", r"\1.mlp."),
    (r"^(decoder\.stages\.\d+)\.conv\.double_conv\.", r"\1.convolutions."),
)
#: Computed from sizes, not learned; and the normalisation, which is a part of the preprocessor.
_DERIVED = re.compile(r"\.attn_mask$|^pixel_(?:mean|std)$|^clip_pixel_(?:mean|std)$")


def catseg_name(name: str) -> str | None:
    """Our name of a parameter of CAT-Seg, or None if there is none."""
    renamed = renamed_by(name, _RULES)
    for piece, ours in _PIECES if renamed else ():
        renamed = re.sub(piece, ours, str(renamed))
    return renamed


def convert_catseg(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CAT-Seg checkpoint to the names of `CatSeg`; a fused attention weight is split.

    Raises:
        ValueError: a name that is not of this model.
    """
    learned = {name: tensor for name, tensor in tensors.items() if not _DERIVED.search(name)}
    renamed = rename_all(learned, catseg_name, "CAT-Seg")
    for name in renamed:
        if name.endswith((".padding_token", ".padding_guidance")):
            renamed[name] = renamed[name].flatten(0, 1)  # (1, 1, C) -> (1, C)
    return split_projections(renamed)


def split_projections(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors, with `*.attn.in_proj_weight` (3 C, C) as one weight each for q, k and v."""
    split: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not name.endswith("attn.in_proj_weight"):
            split[name] = tensor
            continue
        stem = name[: -len("in_proj_weight")]
        for letter, part in zip("qkv", tensor.chunk(3), strict=True):
            split[f"{stem}{letter}_proj_weight"] = part.clone()
    return split
