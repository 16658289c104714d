"""Released weights that the package brings: their table, their checksums, the world that they know.

They lie in `small/`, whose README says what they are; `ovsam release_weights` writes them.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path

from ovsam.datasets.shapes.world import WORLD_VERSION
from ovsam.files import read_json
from ovsam.weights.files import WeightsError
from ovsam.weights.released import sha256_once

FOLDER = Path(__file__).resolve().parent / "small"
TABLE = "released.json"  # name -> sha256, config, commit
MAX_WHEEL_BYTES = 12_000_000  # that all files together take in a wheel, which packs them
LICENCE = "Apache-2.0"
NAMES = ("shapes_clip_rn", "shapes_sam", "shapes_ovsam", "shapes_clip_vit_dense", "shapes_escnet")
#: Key of the metadata of weights that were trained on `shapes`: the version of the drawn world.
WORLD = "shapes_world"
#: Key of the metadata of a released file: part -> (source, sha256) of what others already hold.
LEFT_OUT = "left_out"


def shipped_path(name: str) -> Path:
    """Where the file of one of `NAMES` lies."""
    return FOLDER / f"{name}.safetensors"


def packed_size(path: Path) -> int:
    """Bytes that a file takes in a wheel."""
    return len(zlib.compress(path.read_bytes()))


def read_table() -> dict[str, dict[str, str]]:
    """What the package brings: name -> `sha256` (hex), `config` and `commit` of the training.

    Raises:
        ValueError: the table is damaged.
    """
    path = FOLDER / TABLE
    return read_json(path, missing="", damaged="reinstall ovsam") if path.is_file() else {}


def fetch_shipped(name: str) -> tuple[Path, str]:
    """The verified file of one of `NAMES`, and its sha256 (hex).

    Raises:
        WeightsError: the package was built without it, or the file was changed.
    """
    path, known = shipped_path(name), read_table()
    if name not in known or not path.is_file():
        raise WeightsError(
            f"{name}: this package was built without its weights, {path} is not there or not in {TABLE};"
            " reinstall ovsam, or make them as ovsam/weights/small/README.md says"
        )
    digest, expected = sha256_once(path), known[name]["sha256"]
    if digest != expected:
        raise WeightsError(
            f"{path} has sha256 {digest}, expected {expected} ({TABLE}): changed or truncated; reinstall"
            " ovsam (pip install --force-reinstall), or in a checkout run `git checkout` on the file"
        )
    return path, digest


def check_world(metadata: Mapping[str, str], origin: str | Path) -> None:
    """Check that weights trained on `shapes` know the world that this version draws.

    Raises:
        WeightsError: they know another one.
    """
    found = metadata.get(WORLD, str(WORLD_VERSION))
    if found != str(WORLD_VERSION):
        raise WeightsError(
            f"{origin} knows world {found} of `shapes`, expected world {WORLD_VERSION}, which this"
            " version draws; train new weights with `make quickstart`, or reinstall ovsam with its"
            " released ones (to make those: ovsam/weights/small/README.md)"
        )
