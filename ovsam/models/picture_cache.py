"""Keeps what frozen parts give for a picture, so that no later epoch or run computes it again."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ovsam.files import written_whole
from ovsam.registry import MODELS

CODE = 3  # of what frozen parts compute; one more whenever that changes in the last bits


@MODELS.register_module()
class PictureCache:
    """Maps of pictures in half precision, found by the pixels and the weights of the frozen parts.

    They are in memory, or in a folder for all runs, see `keep_in`. A picture that was flipped or cropped
    has other pixels, so it is another one. Maps are rounded and pictures computed one by one, kept or
    not: results do not depend on what is kept.

    Args:
        max_gib: when so much memory, or so much of the folder, is full, the maps of further pictures are
            computed each time.

    Attributes:
        folder: where files are kept; None = in memory.
    """

    def __init__(self, *, max_gib: float) -> None:
        self.folder: Path | None = None
        self.bytes_left = self._capacity = int(max_gib * 2**30)
        self._kept: dict[str, list[Tensor]] = {}
        self._digests: dict[nn.Module, str] = {}

    def keep_in(self, folder: Path) -> None:
        """Keep files in `folder` from now on, and find those that other runs keep there.

        Runs may share it while they run; between runs it may be removed.
        """
        self.folder = folder
        self.bytes_left = self._capacity - sum(path.stat().st_size for path in _files_below(folder))

    def __len__(self) -> int:
        """Results that are kept: one per picture and part."""
        return len(self._kept) if self.folder is None else sum(1 for _ in _files_below(self.folder))

    def __call__(self, images: Tensor, *parts: nn.Module) -> list[Tensor]:
        """What a chain of frozen parts gives for images (B, 3, S, S).

        The first part reads the pictures, each other one what the part before it gives.

        Returns:
            The maps (B, C, h, w) of all parts in turn, in the type of `images`.
        """
        found = [self._chain(image, parts) for image in images.split(1)]
        return [torch.cat([one.to(images) for one in level]) for level in zip(*found, strict=True)]

    def _chain(self, image: Tensor, parts: Sequence[nn.Module]) -> list[Tensor]:
        """Maps (1, C, h, w) of one picture (1, 3, S, S), in half precision."""
        pixels = image.detach().cpu().contiguous().numpy()
        name, maps = hashlib.blake2b(pixels, digest_size=16).hexdigest(), []
        chain = hashlib.blake2b(_surroundings(image).encode(), digest_size=8)
        given: Tensor | list[Tensor] = image
        for part in parts:
            chain.update(self._digest(part).encode())
            key = f"{chain.hexdigest()}/{name}"
            one = self._find(key)
            if one is None:
                with torch.no_grad():
                    out = part(given)
                one = [level.half().contiguous() for level in ([out] if torch.is_tensor(out) else out)]
                self._keep(key, one)
            given = [level.to(image) for level in one]
            maps += one
        return maps

    def _find(self, key: str) -> list[Tensor] | None:
        if self.folder is None:
            return self._kept.get(key)
        path = self.folder / key
        return list(load_file(path).values()) if path.is_file() else None

    def _keep(self, key: str, maps: list[Tensor]) -> None:
        size = sum(level.nbytes for level in maps)
        if size > self.bytes_left:
            return
        self.bytes_left -= size
        if self.folder is None:
            self._kept[key] = maps
            return
        with written_whole(self.folder / key) as partial:
            save_file({f"{index:02}": level for index, level in enumerate(maps)}, partial)

    def _digest(self, part: nn.Module) -> str:
        """Of structure and weights; read once, for the part is frozen."""
        if part not in self._digests:
            digest = hashlib.sha256(repr(part).encode())
            is_compiled = any(getattr(module, "is_compiled", False) for module in part.modules())
            if is_compiled and torch.cuda.is_available():  # nothing is on a CPU
                digest.update(b"compiled")
            for name, tensor in part.state_dict().items():
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().numpy())
            self._digests[part] = digest.hexdigest()
        return self._digests[part]


def _surroundings(image: Tensor) -> str:
    """What else decides the last bits of a map."""
    device = image.device.type
    return f"{CODE} {device} {torch.get_num_threads()} {image.dtype} {torch.is_autocast_enabled(device)}"


def _files_below(folder: Path) -> Iterator[Path]:
    """The files of a cache's folder; not those that are being written."""
    return (path for path in folder.glob("*/*") if not path.name.startswith("."))
