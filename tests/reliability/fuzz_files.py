"""The parsers of whole files, options and the page: the second half of `fuzz_parsers`."""

import copy
import hashlib
import io
import json
import tarfile
from functools import cache
from random import Random
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from PIL import Image
from safetensors.torch import save

from ovsam.commands.shared.options import parse_options
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.sa1b_index import read_index, scan_parts
from ovsam.engine.configuration import apply_options
from ovsam.files import read_json
from ovsam.inference.model_description import build_described
from ovsam.models.necks.pyramid import FeaturePyramid
from ovsam.weights.files import WeightsError, read_metadata, read_tensors
from ovsam.weights.sources import Source
from tests.reliability.fuzz_inputs import changed_bytes, changed_text, changed_value, json_bytes
from tests.reliability.fuzz_scratch import scratch_file, scratch_folder

MOST_PIXELS = 100_000
cv2.setNumThreads(1)


def json_file(draw: Random) -> bytes:
    return json_bytes(draw, {"images": [], "a": {"b": [1, 2.5, "é", None]}})


def take_json_file(content: bytes) -> None:
    read_json(scratch_file(".json", content), missing="make it", damaged="mend it")


@cache
def pictures() -> list[bytes]:
    """Small files of every kind that people have."""
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 255, (9, 13, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (colours, "PNG", {}), (colours, "JPEG", {}), (colours, "JPEG", {"exif": exif,
        "progressive": True}),
        (colours.convert("CMYK"), "JPEG", {}), (colours, "BMP", {}), (colours, "TIFF", {}),
        (colours, "WEBP", {"lossless": True, "exif": exif}), (colours.convert("P"), "GIF", {}),
        (colours.convert("P"), "PNG", {}), (colours.convert("RGBA"), "PNG", {}), (colours, "PPM", {}),
        (colours.convert("L"), "TIFF", {"compression": "tiff_lzw"}), (colours.convert("1"), "PNG", {}),
        (Image.fromarray(rng.integers(0, 65535, (9, 13), dtype=np.uint16)), "PNG", {}),
        (colours, "JPEG2000", {}),
    ]  # fmt: skip
    found = []
    for picture, kind, options in kinds:
        file = io.BytesIO()
        picture.save(file, kind, **options)
        found.append(file.getvalue())
    array = np.asarray(colours)
    for ending in (".hdr", ".pam", ".ras", ".pfm"):  # kinds that OpenCV knows
        levels = array.astype(np.float32) if ending in (".hdr", ".pfm") else array
        found.append(cv2.imencode(ending, levels)[1].tobytes())
    return found


def picture(draw: Random) -> tuple[bytes, Any]:
    content = changed_bytes(draw, draw.choice(pictures()), head=60)
    return content, draw.choice((None, None, (9, 13), (13, 9)))


def take_picture(given: Any) -> None:
    content, size = given
    found = read_picture("a.png", content, MOST_PIXELS, size)
    assert (found.dtype, found.shape[2:]) == (np.uint8, (3,)), found.shape
    assert 0 < found.shape[0] * found.shape[1] <= MOST_PIXELS, found.shape


@cache
def archives() -> list[bytes]:
    """Tar files of SA-1B: names that are good, and names that lead elsewhere."""
    found = []
    for format_ in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=format_) as archive:
            for name in (
                "./sa_1.jpg",
                "sa_1.json",
                "../../sa_2.jpg",
                "/etc/sa_3.json",
                "x" * 120 + "/sa_4.jpg",
            ):
                entry = tarfile.TarInfo(name)
                entry.size = 5
                archive.addfile(entry, io.BytesIO(b"12345"))
            link = tarfile.TarInfo("sa_9.jpg")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        found.append(file.getvalue())
    return found


def archive(draw: Random) -> bytes:
    content = draw.choice(archives())
    block = 512 * draw.randrange(0, 8)
    head = changed_bytes(draw, content[block : block + 512], 4)
    changed = content[:block] + head + content[block + 512 :]
    return _with_checksum(changed, block) if draw.random() < 0.7 else changed


def _with_checksum(content: bytes, block: int) -> bytes:
    """With the sum that the header at `block` must have, so that its other fields are read."""
    head = content[block : block + 148] + b" " * 8 + content[block + 156 : block + 512]
    return content[: block + 148] + b"%06o\0 " % sum(head) + content[block + 156 :]


def take_archive(content: bytes) -> None:
    path = scratch_file(".tar", content)
    for files in scan_parts([path]).values():
        for place in files.values():
            assert place.path == str(path), place
            assert 0 <= place.offset <= place.offset + place.num_bytes <= len(content), place


def archive_index(draw: Random) -> bytes:
    parts = [{"name": "sa_0", "bytes": None, "files": [[1, 0, -1, 0, -1], [2, 0, -1, None, None]]},
             {"name": "sa_1.tar", "bytes": 10, "files": [[3, 2, 4, 6, 2]]}]  # fmt: skip
    parts = changed_value(draw, parts)
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    content = {"format": 1, "digest": digest, "num_images": 3, "parts": parts}
    return json.dumps(changed_value(draw, content) if draw.random() < 0.1 else content).encode()


def take_archive_index(content: bytes) -> None:
    root = scratch_folder()
    if not (root / "sa_0").is_dir():
        (root / "sa_0").mkdir()
        (root / "sa_1.tar").write_bytes(bytes(10))
    for files in read_index(scratch_file(".json", content)).values():
        for place in files.values():
            assert place.path.startswith(f"{root}/sa_"), place
            assert ".." not in place.path, place
            assert min(place.offset, place.num_bytes + 1) >= 0, place


@cache
def checkpoints() -> list[bytes]:
    """State dicts as torch writes them, in both of its forms."""
    found = []
    for is_zip in (True, False):
        file = io.BytesIO()
        content = {
            "state_dict": {"module.a": torch.ones(2, 3), "module.b": torch.zeros(1)},
            "meta": {"n": 3},
        }
        torch.save(content, file, _use_new_zipfile_serialization=is_zip)
        found.append(file.getvalue())
    return found


def checkpoint(draw: Random) -> bytes:
    return changed_bytes(draw, draw.choice(checkpoints()), head=600)


def take_checkpoint(content: bytes) -> None:
    tensors = read_tensors(scratch_file(".pth", content))
    assert all(isinstance(tensor, torch.Tensor) for tensor in tensors.values())


@cache
def safetensors_parts() -> tuple[Any, bytes]:
    whole = save({"a": torch.ones(2, 3), "b.c": torch.zeros(4, dtype=torch.int64)}, {"config": "x/y"})
    size = int.from_bytes(whole[:8], "little")
    return json.loads(whole[8 : 8 + size]), whole[8 + size :]


def safetensors(draw: Random) -> bytes:
    header, body = safetensors_parts()
    text = json_bytes(draw, header)
    size = len(text) if draw.random() < 0.9 else draw.choice((0, 1, 2**31, 2**63, len(text) + 1))
    whole = size.to_bytes(8, "little") + text + body
    return changed_bytes(draw, whole, 2) if draw.random() < 0.3 else whole


def take_safetensors(content: bytes) -> None:
    path = scratch_file(".safetensors", content)
    assert all(isinstance(value, str) for value in read_metadata(path).values())
    assert all(isinstance(tensor, torch.Tensor) for tensor in read_tensors(path).values())


def source(draw: Random) -> str:
    good = (
        "ovsam_rn#neck",
        "ema:a.pth#module",
        "first_mask:sam_vit_b#mask_decoder",
        "C:\\a.pth",
        "a/b.safetensors",
    )
    return changed_text(draw, draw.choice(good))


def take_source(text: str) -> None:
    assert Source.parse(text).name


OPTIONS = {
    "model": dict(type=FeaturePyramid, in_channels=[2, 3], strides=[2, 4], out_channels=4),
    "train_cfg": dict(max_epochs=3, by_epoch=True),
    "hooks": [dict(a=1), dict(b=0.5)],
    "initial_weights": {},
    "work_dir": "x",
}
WRITTEN = (
    "train_cfg.max_epochs=3", "model.in_channels=[2,3]", "hooks.0.a=5", "work_dir=y",
    "initial_weights.a.b=c",
    "hooks=[(1,2),[3]]", "precision=bfloat16", "model.out_channels=1e3", "train_cfg={'a':1}",
)  # fmt: skip


def options(draw: Random) -> list[str]:
    return [changed_text(draw, draw.choice(WRITTEN)) for _ in range(draw.randint(1, 2))]


def take_options(given: list[str]) -> None:
    apply_options(Config(copy.deepcopy(OPTIONS)), parse_options(given))


DESCRIBED = {
    "type": "ovsam.models.necks.pyramid:FeaturePyramid", "in_channels": [2, 3], "strides": [2, 4],
    "out_channels": 4,
}  # fmt: skip


def described(draw: Random) -> Any:
    found = changed_value(draw, DESCRIBED)
    places = (
        "ovsam.models.necks.pyramid:torch",
        "os:system",
        "ovsam.models:..",
        "ovsam.models.x.y:Z",
        "vocabulary",
    )
    if isinstance(found, dict) and draw.random() < 0.2:
        found["type"] = draw.choice(places)
    return found


def take_described(given: Any) -> None:
    assert isinstance(build_described(given), torch.nn.Module)


FILE_ERRORS = (ValueError, FileNotFoundError)
ROWS: tuple[tuple, ...] = (
    ("json_files", json_file, take_json_file),
    ("pictures", picture, take_picture),
    ("sa1b_tar", archive, take_archive),
    ("sa1b_index", archive_index, take_archive_index, FILE_ERRORS),
    ("checkpoints", checkpoint, take_checkpoint, (WeightsError,)),
    ("safetensors", safetensors, take_safetensors, (WeightsError,)),
    ("weights_sources", source, take_source, (WeightsError,)),
    ("config_options", options, take_options, (ValueError, KeyError)),
    ("saved_models", described, take_described),
)
