"""Files that visitors may download, in a temporary folder that keeps the newest."""

import itertools
import shutil
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import ovsam
from ovsam.datasets.label_maps import write_label_map
from ovsam.files import write_json
from ovsam.integrations.files import coco_json
from ovsam.integrations.semantic_files import image_entry, semantic_json
from ovsam.structures.prediction import Prediction
from ovsam.structures.semantic_prediction import SemanticPrediction

KEPT_ANSWERS = 200


class Downloads:
    """A folder below the system's temporary files; `close` deletes it.

    Args:
        info: what the JSON files say of their making.
    """

    def __init__(self, info: dict[str, Any]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ovsam-demo-"))
        self.info = {"made_by": f"ovsam {ovsam.__version__}", **info}
        self._numbers = itertools.count()
        self._kept: deque[Path] = deque()
        self._lock = threading.Lock()

    def write(self, name: str, found: Prediction) -> tuple[str, str]:
        """Write the masks as PNG and everything as COCO JSON; return both paths.

        The PNG is black and white for one mask, else a map: 0 = nothing, i + 1 = mask i; 8 bits, or 16
        for more than 255 masks.
        """
        folder = self._new_folder()
        if len(found) == 1:
            pixels = found.masks[0].astype(np.uint8) * 255
        else:
            pixels = found.label_map().astype(np.uint8 if len(found) < 256 else np.uint16)
        mask, description = folder / f"{name}_mask.png", folder / f"{name}.json"
        Image.fromarray(pixels).save(mask)
        write_json(coco_json({name: found}, self.info), description)
        return str(mask), str(description)

    def write_map(self, name: str, found: SemanticPrediction, info: dict[str, Any]) -> tuple[str, str]:
        """Write a label map (`SemanticPrediction.file_values`) and its legend; return both paths.

        Args:
            name: of the picture.
            found: its label map.
            info: what the JSON file says of the model.
        """
        folder = self._new_folder()
        values, description = folder / f"{name}_map.png", folder / f"{name}_map.json"
        write_label_map(values, found.file_values())
        entry = image_entry(name, found, values.name)
        write_json(semantic_json(found.class_names, [entry], {**self.info, **info}), description)
        return str(values), str(description)

    def _new_folder(self) -> Path:
        """A folder for one answer; deletes the oldest."""
        with self._lock:
            folder = self.folder / str(next(self._numbers))
            folder.mkdir()
            self._kept.append(folder)
            while len(self._kept) > KEPT_ANSWERS:
                shutil.rmtree(self._kept.popleft(), ignore_errors=True)
        return folder

    def close(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
