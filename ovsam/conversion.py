"""Key maps: the parameter names of released and reference files to ours.

Ours are those of `OpenVocabSam` with a `Clip2SamDecoder`, and of `PromptableSam`. A converter renames
and drops; it never changes a value. What it drops, it drops by name and reports.
"""

import re
import sys
from collections.abc import Callable, Mapping

from torch import Tensor

#: (pattern of the reference's name, ours), first match wins. Source: names of the published files.
_OVSAM_RULES = (
    # CLIP image tower: the reference keeps OpenAI's ResNet under timm-like names.
    (r"^(?:backbone_student|backbone)\.stem\.0\.", "backbone.visual.conv1."),
    (r"^(?:backbone_student|backbone)\.stem\.1\.", "backbone.visual.bn1."),
    (r"^(?:backbone_student|backbone)\.stem\.3\.", "backbone.visual.conv2."),
    (r"^(?:backbone_student|backbone)\.stem\.4\.", "backbone.visual.bn2."),
    (r"^(?:backbone_student|backbone)\.stem\.6\.", "backbone.visual.conv3."),
    (r"^(?:backbone_student|backbone)\.stem\.7\.", "backbone.visual.bn3."),
    (r"^(?:backbone_student|backbone)\.(layer\d)\.", r"backbone.visual.\1."),
    (r"^(?:backbone_student|backbone)\.head\.", "backbone.visual.attnpool."),
    # SAM2CLIP: `neck_student` in the distillation's file, `neck` in the whole model's.
    (r"^(?:neck_student|neck)\.patch_embeds\.(\d+)\.projection\.", r"neck.projections.\1."),
    (r"^(?:neck_student|neck)\.", "neck."),
    # CLIP2SAM.
    (r"^pe\.", "prompt_encoder."),
    (r"^fpn_neck\.lateral_convs\.(\d+)\.conv\.", r"pyramid.network.inner_blocks.\1.0."),
    (r"^fpn_neck\.fpn_convs\.(\d+)\.conv\.", r"pyramid.network.layer_blocks.\1.0."),
    (r"^mask_decoder\.mask_decoder\.", "mask_decoder.decoder."),
    (r"^mask_decoder\.label_token\.", "mask_decoder.label_token."),
    (r"^mask_decoder\.label_mlp\.", "mask_decoder.label_mlp."),
    (r"^mask_decoder\.roi_conv\.0\.conv\.", "region_head.projection."),
)
LABEL_MLP = "mask_decoder.label_mlp."


def ovsam_name(name: str) -> str | None:
    """Our name of a parameter of the published OV-SAM model, or None if there is none."""
    for pattern, replacement in _OVSAM_RULES:
        renamed, count = re.subn(pattern, replacement, name)
        if count:
            return renamed
    return None


def convert_ovsam(tensors: Mapping[str, Tensor], keep_label_mlp: bool = False) -> dict[str, Tensor]:
    """A published OV-SAM file (SAM2CLIP, CLIP2SAM or whole) to our names.

    Args:
        tensors: by the reference's names.
        keep_label_mlp: keep the label token's MLP (328,960 parameters at full size), which in the
            published model never reaches the class score and is dropped otherwise.

    Raises:
        ValueError: a name that is not of this model, or two names that become one.
    """
    converted: dict[str, Tensor] = {}
    unknown: list[str] = []
    dropped: list[str] = []
    for name, tensor in tensors.items():
        renamed = ovsam_name(name)
        if renamed is None:
            unknown.append(name)
        elif renamed.startswith(LABEL_MLP) and not keep_label_mlp:
            dropped.append(name)
        elif renamed in converted:
            raise ValueError(f"two tensors become {renamed!r}, one of them {name!r}")
        else:
            converted[renamed] = tensor
    if unknown:
        raise ValueError(
            f"{len(unknown)} names are not of Open-Vocabulary SAM, the first are {unknown[:5]};"
            " is this another model's file?"
        )
    if dropped:
        count = sum(tensors[name].numel() for name in dropped)
        print(
            f"dropped the label MLP ({len(dropped)} tensors, {count:,} parameters):"
            " it never reaches the class score",
            file=sys.stderr,
        )
    return converted


def convert_sam(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A SAM checkpoint; our parts have SAM's own names.

    Raises:
        ValueError: a name that is not SAM's.
    """
    parts = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
    unknown = [name for name in tensors if not name.startswith(parts)]
    if unknown:
        raise ValueError(f"{len(unknown)} names are not SAM's, the first are {unknown[:5]}")
    return dict(tensors)


def first_mask_token(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """SAM's mask decoder reduced to mask token 0, without quality token and head.

    Source: Yuan et al., Open-Vocabulary SAM, released configuration.

    Args:
        tensors: names below `mask_decoder.` of a SAM checkpoint.

    Returns:
        Tensors that load strictly into `MaskDecoder(num_mask_tokens=1, predicts_quality=False)`.
    """
    mlp = re.compile(r"^output_hypernetworks_mlps\.(?!0\.)")
    kept = {n: t for n, t in tensors.items() if not n.startswith("iou_") and not mlp.match(n)}
    kept["mask_tokens.weight"] = kept["mask_tokens.weight"][:1].clone()
    return kept


CONVERTERS: dict[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "ovsam": convert_ovsam,
    "sam": convert_sam,
}
