"""Folders of prepared data that are either whole or not there.

A tree is written under a temporary name beside its root, gets its manifest `dataset.json` last, and
takes its name in one rename. So a killed run, a full disk or two runs at once never leave a part that
looks like the whole.
"""

import errno
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "dataset.json"


class DataTreeError(ValueError):
    """Prepared data cannot be written or is not what was asked for; the message says how to mend it."""


def read_manifest(root: Path) -> dict[str, Any] | None:
    """The manifest of a finished tree; None where there is none; DataTreeError if it is broken."""
    path = root / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError("it is no manifest")
    except (OSError, ValueError) as error:
        raise DataTreeError(
            f"{path} cannot be read ({error}); remove {root} and prepare it again"
        ) from None
    return manifest


def find_finished(
    root: Path, *, name: str, spec: Mapping[str, Any], force: bool
) -> dict[str, Any] | None:
    """The manifest of the finished tree at `root`; None if the tree is to be written.

    Args:
        name: data set that the manifest must name.
        spec: everything that decides the tree's content.
        force: replace a finished tree of this data set with another spec, or with files missing.

    Raises:
        DataTreeError: something else stands at `root`.
    """
    if not root.exists():
        return None
    if not root.is_dir():
        raise DataTreeError(f"{root} is a file; give another --root")
    manifest = read_manifest(root)
    if manifest is None:
        if any(root.iterdir()):
            raise DataTreeError(
                f"{root} holds files but no {MANIFEST}: it was not written by this command;"
                " remove it or give another --root"
            )
        return None
    if manifest.get("name") != name:
        raise DataTreeError(
            f"{root} holds the data set {manifest.get('name')!r}, not {name!r}; give another --root"
        )
    if force:
        return None
    found = manifest.get("spec", {})
    differences = ", ".join(
        f"{key}: {found.get(key)} there, {spec.get(key)} asked"
        for key in sorted({*found, *spec})
        if found.get(key) != spec.get(key)
    )
    if differences:
        raise DataTreeError(
            f"{root} is another {name} ({differences}); give --force to replace it, or another --root"
        )
    num_files = sum(1 for path in root.rglob("*") if path.is_file()) - 1
    if num_files < manifest.get("num_files", 0):
        raise DataTreeError(
            f"{root} has lost files ({num_files} of {manifest['num_files']}); give --force to mend it"
        )
    return manifest


@contextmanager
def new_tree(root: Path, *, num_bytes: int = 0) -> Iterator[Path]:
    """A temporary folder that becomes `root` when the block ends without an error.

    The block writes into the folder, the manifest last (`write_manifest`). After an error nothing
    is left behind. A finished tree at `root` is replaced. `num_bytes`, a rough size, is checked against
    the free space before anything is written.

    Raises:
        DataTreeError: no permission, no space, or another failure of the file system.
    """
    root = root.absolute()
    with _explained(root):
        partial = partial_beside(root)
        free = shutil.disk_usage(root.parent).free
        if free < num_bytes:
            raise OSError(errno.ENOSPC, f"needs about {num_bytes >> 20} MiB, {free >> 20} MiB are free")
        partial.mkdir()
        try:
            yield partial
            os.sync()
            replaced = root.with_name(f"{partial.name}-replaced")
            if root.exists() and any(root.iterdir()):
                root.rename(replaced)
            partial.rename(root)
            shutil.rmtree(replaced, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def partial_beside(path: Path) -> Path:
    """A temporary name beside `path`; removes what dead processes of this machine left under theirs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.partial-{socket.gethostname()}-"
    for left in path.parent.glob(f"{prefix}*"):
        process = left.name.removeprefix(prefix).removesuffix("-replaced")
        if process.isdigit() and _is_alive(int(process)):
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return path.with_name(f"{prefix}{os.getpid()}")


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the last file of a tree; the number of files in the folder is added as `num_files`."""
    num_files = sum(1 for path in folder.rglob("*") if path.is_file())
    content = json.dumps({**manifest, "num_files": num_files}, indent=1)
    (folder / MANIFEST).write_text(content + "\n", encoding="utf-8")


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise DataTreeError(
            f"no permission to write {error.filename or root}; give another --root"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataTreeError(
                f"no space left for {root} ({error.strerror}); nothing was kept. Free some space or"
                " give another --root"
            ) from error
        raise DataTreeError(f"{root} cannot be written: {error}") from error


def _is_alive(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, and another user's
        pass
    return True
