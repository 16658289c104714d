"""The cache on disk, one process at a time; files that are whole or not there; people's text files.

Environment: OVSAM_CACHE = folder of the cache (default ~/.cache/ovsam); OVSAM_OFFLINE=1 = never use
the network.
"""

import codecs
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

#: Of a JSON or text file that is read as a whole. The largest annotations (Objects365) have 6 GB.
MAX_TEXT_BYTES = 16 << 30


def cache_folder() -> Path:
    """Where downloads and what is computed once are kept."""
    return Path(os.environ.get("OVSAM_CACHE") or Path.home() / ".cache" / "ovsam").expanduser()


def is_offline() -> bool:
    """Whether the network may not be used."""
    return os.environ.get("OVSAM_OFFLINE", "") not in ("", "0")


def go_offline() -> None:
    """Never use the network from now on, here and in the processes that this one starts."""
    os.environ["OVSAM_OFFLINE"] = "1"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone, among all processes that lock the same `path`; a killed process holds no lock.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to; it takes that name once it is flushed, else it is removed.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        os.chmod(partial, 0o644)
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_json(content: Any, path: str | Path) -> None:
    """Write indented JSON, the whole file or nothing.

    Raises:
        OSError: no permission or no space.
        ValueError: `content` has a number that JSON does not know, such as NaN.
    """
    with written_whole(Path(path)) as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_text(path: str | Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """A text file that a person gives: UTF-8, or what its byte-order mark says; without the mark.

    Raises:
        FileNotFoundError: it is missing.
        ValueError: it is in another encoding, or larger than `max_bytes`.
    """
    if (num_bytes := Path(path).stat().st_size) > max_bytes:
        raise ValueError(
            f"{path} has {num_bytes:,} bytes, allowed are {max_bytes:,}: is it the right file?"
        )
    content = Path(path).read_bytes()
    encodings = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", b"": "utf-8-sig"}
    encoding = next(name for mark, name in encodings.items() if content.startswith(mark))
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text (byte {content[error.start]:#04x} at {error.start}); save it as"
            " UTF-8"
        ) from None
    if "\0" in text:  # of UTF-16 without its mark, or of UTF-32
        raise ValueError(f"{path} is not UTF-8 text (it has zero bytes); save it as UTF-8")
    return text


def read_json(path: str | Path, *, missing: str, damaged: str) -> Any:
    """Parse a JSON file that a person gives, see `read_text`.

    Args:
        path: the file.
        missing, damaged: what mends it; ends the message of an error.

    Raises:
        FileNotFoundError: it is missing.
        ValueError: it is broken.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; {missing}") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); {damaged}") from None


def sha256_of(path: str | Path) -> str:
    """sha256 (hex) of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
