"""Released weights: where they are, their checksums and licences; verified cached download.

Environment: OVSAM_CACHE = folder of the cache (default ~/.cache/ovsam); OVSAM_OFFLINE=1 = never
use the network.
"""

import hashlib
import http.client
import json
import os
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

LOCK_FILE = "pinned.json"  # checksums of files for which none is published, pinned at first use


@dataclass(frozen=True)
class Released:
    """One released file.

    Attributes:
        url: address.
        licence: what its authors allow.
        sha256: published checksum, or None: pinned at first use.
        names: whose parameter names it has, a key of `conversion.CONVERTERS`.
    """

    url: str
    licence: str
    sha256: str | None
    names: str


_SAM = "https://dl.fbaipublicfiles.com/segment_anything"
_OVSAM = "https://huggingface.co/HarborYuan/ovsam_models/resolve/main"
_OVSAM_LICENCE = "NTU S-Lab License 1.0 (non-commercial use only)"

RELEASED = {
    "sam_vit_h": Released(
        url=f"{_SAM}/sam_vit_h_4b8939.pth",
        licence="Apache-2.0",
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        names="sam",
    ),
    "sam_vit_l": Released(
        url=f"{_SAM}/sam_vit_l_0b3195.pth",
        licence="Apache-2.0",
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        names="sam",
    ),
    "sam_vit_b": Released(
        url=f"{_SAM}/sam_vit_b_01ec64.pth",
        licence="Apache-2.0",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        names="sam",
    ),
    "ovsam_sam2clip_rn50x16": Released(
        url=f"{_OVSAM}/sam2clip_vith_rn50x16.pth",
        licence=_OVSAM_LICENCE,
        sha256=None,
        names="ovsam",
    ),
    "ovsam_clip2sam_coco_rn50x16": Released(
        url=f"{_OVSAM}/clip2sam_coco_rn50x16.pth",
        licence=_OVSAM_LICENCE,
        sha256=None,
        names="ovsam",
    ),
    "ovsam_clip2sam_lvis_rn50x16": Released(
        url=f"{_OVSAM}/clip2sam_lvis_rn50x16.pth",
        licence=_OVSAM_LICENCE,
        sha256=None,
        names="ovsam",
    ),
}


class DownloadError(RuntimeError):
    """A released file that cannot be had, or is not the one that was expected."""


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("OVSAM_CACHE", Path.home() / ".cache" / "ovsam"))


def sha256_of(path: str | Path) -> str:
    """sha256 (hex) of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fetch(name: str, table: dict[str, Released] = RELEASED) -> Path:
    """The verified local copy of a released file, downloaded if need be.

    An interrupted download goes on where it stopped.

    Args:
        name: key of `table`.
        table: released files.

    Raises:
        DownloadError: offline, unreachable, or of another checksum.
    """
    released = table[name]
    path = cache_folder() / released.url.rsplit("/", 1)[-1]
    if not path.is_file():
        if os.environ.get("OVSAM_OFFLINE") == "1":
            raise DownloadError(f"offline, and {path} does not exist: download {released.url} to it")
        print(f"{name}: downloading {released.url}; licence: {released.licence}", file=sys.stderr)
        _download(released.url, path)
    _verify(released, path)
    return path


def _download(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    done = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            continues = response.status == 206
            with open(partial, "ab" if continues else "wb") as file:
                arrived = 0
                while block := response.read(1 << 20):
                    file.write(block)
                    arrived += len(block)
                file.flush()
                os.fsync(file.fileno())
            announced = int(response.headers.get("Content-Length", arrived))
            if arrived < announced:  # a closed connection is no error to urllib
                raise OSError(f"{arrived} of {announced} bytes arrived")
    except (http.client.HTTPException, OSError) as error:  # URLError is an OSError
        raise DownloadError(f"{url} cannot be downloaded ({error}); what arrived is kept") from error
    os.replace(partial, path)


def _verify(released: Released, path: Path) -> None:
    found = sha256_of(path)
    expected = released.sha256 or _pinned(path.name, found)
    if found != expected:
        raise DownloadError(
            f"{path} has sha256 {found}, expected {expected}: truncated or changed; delete it and retry"
        )


def _pinned(file_name: str, found: str) -> str:
    lock = cache_folder() / LOCK_FILE
    pins = json.loads(lock.read_text()) if lock.is_file() else {}
    if file_name not in pins:
        pins[file_name] = found
        partial = lock.with_name(f"{lock.name}.{os.getpid()}")
        partial.write_text(json.dumps(pins, indent=1, sort_keys=True))
        os.replace(partial, lock)
    return pins[file_name]
