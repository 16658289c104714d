"""PicturesHook: draws the first images of a test, without choosing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image, ImageOps

from ovsam.registry import HOOKS
from ovsam.structures.semantic_sample import SemanticSample
from ovsam.visualization.predictions import Picture, draw_predictions
from ovsam.visualization.semantic import draw_semantic


@HOOKS.register_module()
class PicturesHook(Hook):
    """Writes `<folder>/<place>_<image id>.png` for the first images of a test, and `pictures.json`.

    `pictures.json` lists `file`, `text` (what the picture shows, in words), `num_right`, `num_wrong`.
    """

    priority = "VERY_LOW"

    def __init__(self, *, num: int, folder: str | Path) -> None:
        """Args:
        num: how many images.
        folder: where to.
        """
        self.num = num
        self.folder = Path(folder)
        self.drawn: list[dict[str, Any]] = []

    def before_test(self, runner: Runner) -> None:
        """Begin anew."""
        self.drawn = []

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Draw while there are too few."""
        if not is_main_process():
            return
        for sample in outputs or []:
            if len(self.drawn) >= self.num:
                return
            picture = _draw(sample, runner.test_dataloader.dataset.metainfo)
            if picture is None:
                continue
            self.folder.mkdir(parents=True, exist_ok=True)
            file = f"{len(self.drawn):02}_{sample.img_id}.png"
            Image.fromarray(picture.image).save(self.folder / file)
            self.drawn.append(
                dict(
                    file=file,
                    text=picture.text,
                    num_right=picture.num_right,
                    num_wrong=picture.num_wrong,
                )
            )

    def after_test(self, runner: Runner) -> None:
        """Write the list."""
        if self.drawn:
            (self.folder / "pictures.json").write_text(json.dumps(self.drawn, indent=1))


def _draw(sample: Any, metainfo: dict[str, Any]) -> Picture | None:
    """The picture of one sample; None of a sample that shows nothing."""
    if isinstance(sample, SemanticSample):
        return _draw_semantic(sample, metainfo["semseg"])
    if len(sample.prompts) == 0:
        return None
    names = [synonyms[0] for synonyms in metainfo["vocabulary"]["classes"]]
    return draw_predictions(_read(sample.img_path), sample, names)


def _draw_semantic(sample: SemanticSample, facts: dict[str, Any]) -> Picture:
    predicted = sample.pred_sem_seg.cpu().numpy()
    if facts["background"] is not None:
        predicted = np.minimum(predicted, facts["background"])  # prompts for the background come last
    return draw_semantic(
        _read(sample.img_path),
        sample.gt_sem_seg.cpu().numpy(),
        predicted,
        facts["class_names"],
        ignore_index=facts["ignore_index"],
    )


def _read(path: str | Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB, original frame (after EXIF rotation)."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
