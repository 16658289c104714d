"""Where half precision would spoil a result: a context that keeps float32."""

import torch
from torch import Tensor


def full_precision(tensor: Tensor) -> torch.autocast:
    """No autocast on the device of `tensor`; what is inside must be float32 already."""
    return torch.autocast("cpu" if tensor.is_meta else tensor.device.type, enabled=False)
