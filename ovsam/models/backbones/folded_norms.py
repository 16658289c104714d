"""A frozen ResNet of CLIP with every BatchNorm folded into the convolution before it: the same maps.

In eval mode a BatchNorm multiplies and shifts each channel by constants. Folded, a map is written once
where it went through memory three times. Channels lie last in memory, which convolutions read faster;
wide 3x3 convolutions on a CPU save multiplications besides (`ops.winograd`).
Weights are folded when they are first used and kept beside the module, never in it: its state dict has
its own tensors only.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from open_clip.modified_resnet import Bottleneck, ModifiedResNet
from torch import Tensor, nn
from torch.nn import functional as F

from ovsam.ops import winograd


@dataclass(frozen=True)
class _Folded:
    """Weights of one convolution with its norm, and what they were made from."""

    weight: Tensor  # (D, C, k, k), or as `winograd.convolve` reads it
    bias: Tensor  # (D,)
    sources: tuple[Tensor, ...]  # aliases, so that no other tensor gets their addresses
    versions: tuple[int, ...]

    def is_of(self, tensors: tuple[Tensor, ...], dtype: torch.dtype) -> bool:
        """Whether the weights are those of `tensors` as they are now, in `dtype`."""
        return self.weight.dtype == dtype and all(
            tensor.data_ptr() == source.data_ptr() and _version(tensor) == version
            for tensor, source, version in zip(tensors, self.sources, self.versions, strict=True)
        )


def is_foldable(visual: ModifiedResNet, images: Tensor) -> bool:
    """Whether the norms of `visual` are constants, and no gradient needs its maps."""
    if visual.training or images.requires_grad or images.is_meta:
        return False
    if torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return False
    return not any(parameter.requires_grad for parameter in visual.parameters())


class FoldedNorms:
    """Computes a frozen ResNet with folded norms.

    Weights that change are folded anew, unless they are written to through `.data`, which leaves no
    trace. Copies and pickles are empty.
    """

    def __init__(self) -> None:
        # Of each convolution, by whether it is computed as `winograd.convolve` does.
        self._kept: WeakKeyDictionary[nn.Module, dict[bool, _Folded]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type["FoldedNorms"], tuple[()]]:
        return FoldedNorms, ()

    def maps(self, visual: ModifiedResNet, images: Tensor, num_stages: int = 4) -> list[Tensor]:
        """Maps (B, C_l, h_l, w_l) of the first stages of `visual`, in eval mode, of (B, 3, H, W)."""
        features = images.contiguous(memory_format=torch.channels_last)
        for i in (1, 2, 3):
            convolution, norm = getattr(visual, f"conv{i}"), getattr(visual, f"bn{i}")
            features = self._convolve(features, convolution, norm).relu_()
        features = visual.avgpool(features)
        maps = []
        for number in range(1, num_stages + 1):
            for block in getattr(visual, f"layer{number}"):
                features = self._block(block, features)
            maps.append(features)
        return maps

    def _block(self, block: Bottleneck, features: Tensor) -> Tensor:
        """As `block(features)`, (B, C, h, w) -> (B, D, h / stride, w / stride)."""
        out = self._convolve(features, block.conv1, block.bn1).relu_()
        out = self._convolve(out, block.conv2, block.bn2).relu_()
        out = self._convolve(block.avgpool(out), block.conv3, block.bn3)
        if block.downsample is not None:
            pool, convolution, norm = block.downsample
            features = self._convolve(pool(features), convolution, norm)
        return out.add_(features).relu_()

    def _convolve(self, features: Tensor, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
        device = features.device.type
        is_autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if is_autocast else convolution.weight.dtype
        tensors = (convolution.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
        is_winograd = winograd.pays(convolution, features)
        kept = self._kept.setdefault(convolution, {})
        folded = kept.get(is_winograd)
        if folded is None or not folded.is_of(tensors, dtype):
            folded = kept[is_winograd] = _fold(tensors, norm.eps, dtype, is_winograd)
        if is_winograd:
            return winograd.convolve(features, folded.weight, folded.bias)
        return F.conv2d(features, folded.weight, folded.bias, convolution.stride, convolution.padding)


@torch.no_grad()
def _fold(tensors: tuple[Tensor, ...], eps: float, dtype: torch.dtype, is_winograd: bool) -> _Folded:
    weight, scale, shift, mean, variance = tensors
    factor = scale * (variance + eps).rsqrt()  # (D,)
    weight = weight * factor[:, None, None, None]
    if is_winograd:
        weight = winograd.transformed(weight)
    else:
        weight = weight.to(dtype, memory_format=torch.channels_last)
    return _Folded(
        weight=weight,
        bias=(shift - mean * factor).to(dtype),
        sources=tuple(tensor.detach() for tensor in tensors),
        versions=tuple(_version(tensor) for tensor in tensors),
    )


def _version(tensor: Tensor) -> int:
    """How often a tensor was written to; nobody counts that of a tensor made in inference mode."""
    return -1 if tensor.is_inference() else tensor._version
