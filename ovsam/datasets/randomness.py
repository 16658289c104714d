"""Randomness that belongs to a sample: the same on any number of processes and workers."""

import hashlib


def sample_seed(*parts: int | str) -> int:
    """A seed from numbers and names, usually (seed, epoch, image id).

    Returns:
        63 bits, so that it fits an int64. Unlike Python's `hash`, the same in every process.
    """
    text = ":".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
