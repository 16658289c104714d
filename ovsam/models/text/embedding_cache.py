"""Class embeddings on disk: made at first use, kept under a digest of all that they depend on.

The digest covers the strings of the vocabulary, the templates and the weights of the text encoder, so
nobody ever has to delete a file by hand. If several processes ask at once, one computes and the others
wait.

Only a `VocabularyClassifier` on a frozen text encoder uses the cache. What training changes is never
kept: learned contexts (`ContextClassifier`) and the tuned towers of CAT-Seg and ESC-Net compute their
vectors themselves, once for every state of their weights.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.logging import print_log
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ovsam.files import cache_folder, locked, written_whole
from ovsam.models.text.class_embeddings import embed_strings

FORMAT = 1  # raise it when the arithmetic of `embed_strings` changes
#: Sentences x parameters from which on the result is kept. Less takes about a second, which hashing the
#: weights would take too: the miniature leaves no files.
WORTH_KEEPING = 10**10
#: Files in the cache, about 5 MB for 1,500 names: every visitor of a web page brings other names.
KEPT_FILES = 200


def embed_strings_once(
    text_encoder: nn.Module, strings: Sequence[str], templates: Sequence[str]
) -> Tensor:
    """As `embed_strings`, from the cache if they have been computed before.

    A cache that cannot be written and a damaged file cost time but are no error. The text encoder has an
    attribute `architecture` if its weights do not determine it.
    """
    parameters = list(text_encoder.parameters())
    work = len(strings) * len(templates) * sum(parameter.numel() for parameter in parameters)
    if work < WORTH_KEEPING or parameters[0].is_meta:
        return embed_strings(text_encoder, strings, templates)
    path = cache_path(embeddings_digest(text_encoder, strings, templates))
    found = _read(path)
    if found is None:
        found = _compute_alone(path, text_encoder, strings, templates)
    return found.to(parameters[0].device)


def cache_path(digest: str) -> Path:
    """Where embeddings of a digest are kept."""
    return cache_folder() / "class_embeddings" / f"{digest}.safetensors"


def embeddings_digest(text_encoder: nn.Module, strings: Sequence[str], templates: Sequence[str]) -> str:
    """sha256 (hex) of what embeddings depend on: strings, templates, encoder and its weights."""
    content = [FORMAT, list(strings), list(templates), encoder_digest(text_encoder)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def encoder_digest(text_encoder: nn.Module) -> str:
    """sha256 (hex) of the kind of a text encoder and of its weights."""
    kind = f"{type(text_encoder).__qualname__} {getattr(text_encoder, 'architecture', '')}"
    digest = hashlib.sha256(kind.encode())
    for name, tensor in sorted(text_encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()


def _compute_alone(
    path: Path, text_encoder: nn.Module, strings: Sequence[str], templates: Sequence[str]
) -> Tensor:
    """Compute and keep, unless another process has done it in the meantime."""
    computed: Tensor | None = None
    try:
        with locked(path):
            kept = _read(path)
            if kept is not None:
                return kept
            _say(f"embedding {len(strings)} names in {len(templates)} templates, once; kept in {path}")
            computed = embed_strings(text_encoder, strings, templates)
            with written_whole(path) as partial:
                content = computed.cpu().contiguous()
                metadata = {"sha256": hashlib.sha256(tensor_bytes(content)).hexdigest()}
                save_file({"vectors": content}, partial, metadata=metadata)
            _forget_oldest(path.parent)
    except TimeoutError:  # an OSError, too, but the caller must know that it cannot get the vectors
        raise
    except (OSError, NotImplementedError) as error:  # the second: a file system without locks
        _say(f"class embeddings cannot be kept in {path.parent}: {error}", logging.WARNING)
    return embed_strings(text_encoder, strings, templates) if computed is None else computed


def _forget_oldest(folder: Path) -> None:
    """Delete all but the `KEPT_FILES` files that were used last."""
    ages: dict[Path, float] = {}
    for file in folder.glob("*.safetensors"):
        with contextlib.suppress(OSError):  # another process deletes, too
            ages[file] = file.stat().st_mtime
    for file in sorted(ages, key=ages.__getitem__, reverse=True)[KEPT_FILES:]:
        file.unlink(missing_ok=True)
        file.with_name(f".{file.name}.lock").unlink(missing_ok=True)


def _read(path: Path) -> Tensor | None:
    """(L, D) of a file, or None if it is missing or damaged."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            vectors, expected = file.get_tensor("vectors"), file.metadata()["sha256"]
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        _say(f"{path} is damaged ({error}); it is computed again", logging.WARNING)
        return None
    if hashlib.sha256(tensor_bytes(vectors)).hexdigest() != expected:
        _say(f"{path} is damaged (wrong checksum); it is computed again", logging.WARNING)
        return None
    with contextlib.suppress(OSError):  # a cache that is only read
        os.utime(path)  # used now
    return vectors


def tensor_bytes(tensor: Tensor) -> memoryview:
    """The bytes of a tensor's elements, in order."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy())


def _say(text: str, level: int = logging.INFO) -> None:
    print_log(text, logger="current", level=level)
