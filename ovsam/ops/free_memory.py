"""How much may be computed at once: what fits into the free memory of a GPU."""

import torch

SHARE = 0.5  # of what is free, for estimates are not exact


def fitting(bytes_each: int, device: torch.device, smallest: int, largest: int) -> int:
    """How many things of `bytes_each` to compute at once: a power of two times `smallest`.

    `smallest` on a CPU, whose caches more would not help; on a GPU as many as fit, up to `largest`.
    """
    if device.type != "cuda":
        return smallest
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    free = SHARE * (torch.cuda.mem_get_info(device)[0] + kept)
    number = smallest
    while 2 * number <= largest and 2 * number * bytes_each <= free:
        number *= 2
    return number
