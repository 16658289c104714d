"""Key maps: the parameter names of released and reference files to ours.

Ours are those of `OpenVocabSam` with a `Clip2SamDecoder`, of `PromptableSam`, and of a CLIP with the
parts `image_encoder` and `text_encoder`. A converter renames and drops tensors and never changes a
value. It reports what it drops.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from ovsam.weights.conversion_catseg import convert_catseg, split_projections
from ovsam.weights.renaming import rename_all, renamed_by

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
#: Names that only the reference has.
_OVSAM_ONLY = re.compile(
    r"(?:backbone_student|neck_student|fpn_neck|pe)\.|backbone\.(?:stem|layer\d|head)\."
    r"|neck\.patch_embeds\.|mask_decoder\.(?:mask_decoder|roi_conv)\."
)


def ovsam_name(name: str) -> str | None:
    """Our name of a parameter of the published OV-SAM model, or None if there is none."""
    return renamed_by(name, _OVSAM_RULES)


def convert_ovsam(tensors: Mapping[str, Tensor], keep_label_mlp: bool = False) -> dict[str, Tensor]:
    """A published OV-SAM file (SAM2CLIP, CLIP2SAM or whole) to our names.

    Args:
        keep_label_mlp: keep the label token's MLP (328,960 parameters at full size), which in the
            published model never reaches the class score and is dropped otherwise.

    Raises:
        ValueError: a name that is not of this model, or two names that become one.
    """
    converted = rename_all(tensors, ovsam_name, "Open-Vocabulary SAM")
    dropped = [name for name in converted if name.startswith(LABEL_MLP) and not keep_label_mlp]
    count = sum(converted.pop(name).numel() for name in dropped)
    if dropped:
        size = f"{len(dropped)} tensors, {count:,} parameters"
        print(f"dropped the label MLP ({size}): it never reaches the class score", file=sys.stderr)
    return converted


def convert_sam(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A SAM checkpoint; our parts have SAM's own names.

    Raises:
        ValueError: a name that is not SAM's.
    """
    parts = ("image_encoder.", "prompt_encoder.", "mask_decoder.")
    return rename_all(tensors, lambda name: name if name.startswith(parts) else None, "SAM")


#: (pattern of OpenAI's and open_clip's name, ours); nothing else is in such a file but what is dropped.
_CLIP_RULES = (
    (r"^visual\.", "image_encoder.visual."),
    (
        r"^(?:text\.)?(token_embedding\.|positional_embedding$|transformer\.|ln_final\.|text_projection\b)",
        r"text_encoder.text.\1",
    ),
)
#: The scale is an argument of the classifier; the others are sizes and the causal mask, which are
#: parts of the architecture.
_CLIP_DROPPED = re.compile(
    r"^logit_scale$|^input_resolution$|^context_length$|^vocab_size$|(^|\.)attn_mask$"
)


def convert_clip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CLIP file of OpenAI or open_clip: `image_encoder.visual.*` and `text_encoder.text.*`.

    A missing counter of batch norm becomes 0: the statistics are fixed, so nothing reads it.

    Raises:
        ValueError: a name that is not CLIP's.
    """
    dropped = [name for name in tensors if _CLIP_DROPPED.search(name)]
    kept = {name: tensor for name, tensor in tensors.items() if name not in dropped}
    converted = rename_all(kept, lambda name: renamed_by(name, _CLIP_RULES), "CLIP")
    for name in [n for n in converted if n.endswith(".running_mean")]:
        counter = name.replace("running_mean", "num_batches_tracked")
        converted.setdefault(counter, torch.zeros((), dtype=torch.int64))
    if dropped:
        shown = ", ".join(dropped[:4]) + (", ..." if len(dropped) > 4 else "")
        print(f"dropped {len(dropped)} tensors of CLIP that no part holds: {shown}", file=sys.stderr)
    return converted


def first_mask_token(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """SAM's mask decoder (names below `mask_decoder.`) with token 0 alone, without quality head.

    It loads strictly into `MaskDecoder(num_mask_tokens=1, predicts_quality=False)`.
    Source: Yuan et al., Open-Vocabulary SAM, released configuration.

    Raises:
        ValueError: these are not the tensors of a mask decoder.
    """
    if "mask_tokens.weight" not in tensors:
        raise ValueError(
            f"expected a SAM mask decoder (with mask_tokens.weight), got {list(tensors)[:3]}; in a"
            " config: 'first_mask:sam_vit_h#mask_decoder'"
        )
    mlp = re.compile(r"^output_hypernetworks_mlps\.(?!0\.)")
    kept = {n: t for n, t in tensors.items() if not n.startswith("iou_") and not mlp.match(n)}
    kept["mask_tokens.weight"] = kept["mask_tokens.weight"][:1].clone()
    return kept


def layout_of(names: Iterable[str]) -> str:
    """Whose names these are: a key of `CONVERTERS`, or `ours`.

    SAM's own names count as `ours`: our parts have the same.
    """
    names = list(names)
    if any(_OVSAM_ONLY.match(name) for name in names):
        return "ovsam"
    if any(name.startswith("sem_seg_head.predictor.") for name in names):
        return "catseg"
    if any(re.match(r"(?:text\.)?token_embedding\.", name) for name in names):
        return "clip"
    return "ours"


def convert(
    tensors: Mapping[str, Tensor], layout: str, keep_label_mlp: bool = False
) -> dict[str, Tensor]:
    """Tensors of a layout (a key of `CONVERTERS`, or `ours`) by our names.

    Raises:
        ValueError: a name that is not of this layout.
    """
    if layout == "ours":
        return dict(tensors)
    if layout == "ovsam":
        return convert_ovsam(tensors, keep_label_mlp)
    return CONVERTERS[layout](tensors)


CONVERTERS: dict[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "ovsam": convert_ovsam,
    "sam": convert_sam,
    "clip": convert_clip,
    "catseg": convert_catseg,
}
#: What a source of weights may be put through: `<key>:<source>`.
PART_CONVERTERS: dict[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "first_mask": first_mask_token,
    "split_projections": split_projections,
}
