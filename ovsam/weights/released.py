"""Released weights: where they are, their checksums and licences; verified cached download.

`ovsam.files` says where the cache is and how to stay offline.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ovsam.files import cache_folder, is_offline, locked, sha256_of, written_whole

LOCK_FILE = "pinned.json"  # checksums of files for which none is published, pinned at first use
BLOCK = 1 << 20  # bytes
SECONDS_BETWEEN_LINES = 10.0  # of progress


@dataclass(frozen=True)
class Released:
    """One released file.

    Attributes:
        licence: what its authors allow.
        sha256: published checksum, or None: pinned at first use.
        names: whose parameter names it has, a key of `conversion.CONVERTERS`.
        file: its name in the cache; empty = the last part of the address.
    """

    url: str
    licence: str
    sha256: str | None
    names: str
    file: str = ""

    @property
    def file_name(self) -> str:
        """Its name in the cache."""
        return self.file or self.url.rsplit("/", 1)[-1]


def _sam(version: str, sha256: str) -> Released:
    url = f"https://dl.fbaipublicfiles.com/segment_anything/sam_vit_{version}.pth"
    return Released(url=url, licence="Apache-2.0", sha256=sha256, names="sam")


def _clip(name: str, sha256: str) -> Released:
    url = f"https://openaipublic.azureedge.net/clip/models/{sha256}/{name}.pt"
    return Released(url=url, licence="MIT", sha256=sha256, names="clip", file=f"openai_clip_{name}.pt")


def _ovsam(file: str) -> Released:
    return Released(
        url=f"https://huggingface.co/HarborYuan/ovsam_models/resolve/main/{file}",
        licence="NTU S-Lab License 1.0 (non-commercial use only)",
        sha256=None,
        names="ovsam",
    )


#: OpenAI's addresses hold the checksum; a test compares them with open_clip's.
RELEASED = {
    "sam_vit_h": _sam("h_4b8939", "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"),
    "sam_vit_l": _sam("l_0b3195", "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"),
    "sam_vit_b": _sam("b_01ec64", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"),
    "clip_rn50": _clip("RN50", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762"),
    "clip_rn50x4": _clip("RN50x4", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd"),
    "clip_rn50x16": _clip("RN50x16", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa"),
    "clip_rn50x64": _clip("RN50x64", "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c"),
    "clip_vit_b_16": _clip(
        "ViT-B-16", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"
    ),
    "clip_vit_l_14": _clip(
        "ViT-L-14", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"
    ),
    "clip_vit_l_14_336": _clip(
        "ViT-L-14-336px", "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"
    ),
    "clip_convnext_l": Released(
        url="https://huggingface.co/laion/CLIP-convnext_large_d_320.laion2B-s29B-b131K-ft-soup"
        "/resolve/main/open_clip_pytorch_model.bin",
        licence="MIT",
        sha256=None,
        names="clip",
        file="clip_convnext_large_d_320_laion2b_s29b_b131k_ft_soup.bin",
    ),
    "ovsam_sam2clip_rn50x16": _ovsam("sam2clip_vith_rn50x16.pth"),
    "ovsam_clip2sam_coco_rn50x16": _ovsam("clip2sam_coco_rn50x16.pth"),
    "ovsam_clip2sam_lvis_rn50x16": _ovsam("clip2sam_lvis_rn50x16.pth"),
}


class DownloadError(RuntimeError):
    """A released file is unavailable, or has another checksum."""


#: Files that this process has read whole: (path, inode, size, time of change) -> sha256.
_sums: dict[tuple[str, int, int, int], str] = {}


def sha256_once(path: str | Path) -> str:
    """As `sha256_of`; reads the file again only if it has changed."""
    key = _state_of(path)
    if key not in _sums:
        _sums[key] = sha256_of(path)
    return _sums[key]


def _state_of(path: str | Path) -> tuple[str, int, int, int]:
    state = os.stat(path)
    return os.path.abspath(path), state.st_ino, state.st_size, state.st_mtime_ns


def fetch(name: str, table: Mapping[str, Released] = RELEASED) -> Path:
    """The file of `fetch_verified`."""
    return fetch_verified(name, table)[0]


def fetch_verified(name: str, table: Mapping[str, Released] = RELEASED) -> tuple[Path, str]:
    """The verified local copy of a released file, downloaded if need be, and its sha256 (hex).

    Resumes an interrupted download. If several processes ask at once, one downloads and the others
    wait.

    Raises:
        DownloadError: offline, unreachable, or of another checksum.
        OSError: the cache cannot be written.
    """
    released = table[name]
    path = cache_folder() / released.file_name
    if not path.is_file():
        if is_offline():
            raise DownloadError(f"offline, and {path} does not exist: download {released.url} to it")
        with locked(path):
            if not path.is_file():
                print(f"{name}: licence: {released.licence}", file=sys.stderr)
                _download(released, path)
    return path, _verify(released, path)


def released_file(path: str | Path, table: Mapping[str, Released] = RELEASED) -> Released | None:
    """The released file that has the name of a local file, or None."""
    name = Path(path).name
    found = (r for r in table.values() if name in (r.file_name, r.url.rsplit("/", 1)[-1]))
    return next(found, None)


def _verify(released: Released, path: Path) -> str:
    """sha256 of `path`; DownloadError unless it is the published or the pinned one."""
    found = sha256_once(path)
    expected = released.sha256 or _pinned(path.name, found)
    if found != expected:
        origin = "published" if released.sha256 else f"pinned in {LOCK_FILE} at first use"
        raise DownloadError(
            f"{path} has sha256 {found}, expected {expected} ({origin}): truncated or changed; delete"
            " it and retry"
        )
    return found


def _download(released: Released, path: Path) -> None:
    """Download to `path`; an incomplete file stays beside it as `.part`."""
    partial = path.with_name(path.name + ".part")
    version = path.with_name(path.name + ".part.etag")  # of the file that `.part` is the start of
    done = partial.stat().st_size if partial.is_file() else 0
    if not released.sha256 and not version.is_file():
        done = 0  # nothing would tell that the file has changed in between
    headers = {"Range": f"bytes={done}-"} if done else {}
    if done and version.is_file():
        headers["If-Range"] = version.read_text()
    try:
        request = urllib.request.Request(released.url, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            continues = response.status == 206
            etag = response.headers.get("ETag", "")
            if etag and not etag.startswith("W/"):
                version.write_text(etag)
            elif not continues:
                version.unlink(missing_ok=True)
            with open(partial, "ab" if continues else "wb") as file:
                _receive(response, file, before=done if continues else 0)
    except (http.client.HTTPException, OSError) as error:  # URLError is an OSError
        if not (done and isinstance(error, urllib.error.HTTPError) and error.code == 416):
            raise DownloadError(
                f"{released.url} cannot be downloaded ({error}); what arrived is kept: run the command"
                f" again, or put the file at {path}"
            ) from error
        if not error.headers.get("Content-Range", "").endswith(f"/{done}"):  # else all had arrived
            partial.unlink()
            return _download(released, path)
    found = sha256_of(partial)
    version.unlink(missing_ok=True)
    if released.sha256 not in (None, found):
        partial.unlink()
        raise DownloadError(
            f"{released.url} came with sha256 {found}, expected {released.sha256}, and is deleted again:"
            f" retry, or put the right file at {path}"
        )
    os.replace(partial, path)
    _sums[_state_of(path)] = found
    return None


def _receive(response: http.client.HTTPResponse, file: BinaryIO, before: int) -> None:
    """Write the body of `response`; OSError where the connection closed too early."""
    announced = response.headers.get("Content-Length")
    total = before + int(announced) if announced else None
    arrived, shown = before, time.monotonic()
    print(f"downloading {response.url} ({_mebibytes(total)})", file=sys.stderr)
    while block := response.read(BLOCK):
        file.write(block)
        arrived += len(block)
        if time.monotonic() - shown > SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            print(f"  {_mebibytes(arrived)} of {_mebibytes(total)}", file=sys.stderr)
    file.flush()
    os.fsync(file.fileno())
    if total is not None and arrived < total:  # a closed connection is no error to urllib
        raise OSError(f"{arrived} of {total} bytes arrived")


def _mebibytes(size: int | None) -> str:
    return "size unknown" if size is None else f"{size / (1 << 20):,.1f} MiB"


def _pinned(file_name: str, found: str) -> str:
    """The pinned checksum of a file; pins `found` if there is none."""
    lock = cache_folder() / LOCK_FILE
    pins = _read_pins(lock)
    if file_name not in pins:
        with locked(lock):
            pins = _read_pins(lock)
            if file_name not in pins:
                pins[file_name] = found
                with written_whole(lock) as partial:
                    partial.write_text(json.dumps(pins, indent=1, sort_keys=True))
                pinned = f"{file_name}: no checksum is published; pinned {found} in {lock}"
                print(pinned, file=sys.stderr)
    return pins[file_name]


def _read_pins(lock: Path) -> dict[str, str]:
    try:
        pins = json.loads(lock.read_text()) if lock.is_file() else {}
    except ValueError as error:
        raise DownloadError(f"{lock} is damaged ({error}); delete it to pin anew") from None
    if not isinstance(pins, dict):
        raise DownloadError(f"{lock} must hold file names and checksums; delete it to pin anew")
    return pins
