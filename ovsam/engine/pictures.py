"""PicturesHook: draws the first images of a test, unselected, and the prompts that a model makes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image

from ovsam.datasets.pictures import read_picture
from ovsam.registry import HOOKS
from ovsam.structures.semantic_sample import SemanticSample
from ovsam.visualization.predictions import Picture, draw_predictions
from ovsam.visualization.semantic import draw_pseudo_prompts, draw_semantic


@HOOKS.register_module()
class PicturesHook(Hook):
    """Writes `<folder>/<place>_<image id>.png` for the first images of a test, and `pictures.json`.

    A model with `pseudo_prompts` also leaves `<place>_<image id>_prompts.png`: those of the largest
    class of the picture. `pictures.json` lists `file`, `text` (what the picture shows, in words),
    `caption`, and of predictions `num_right` and `num_wrong`.
    """

    priority = "VERY_LOW"

    def __init__(self, *, num: int, folder: str | Path) -> None:
        self.num = num
        self.folder = Path(folder)

    def before_test(self, runner: Runner) -> None:
        """Forget the pictures of the last test."""
        self.drawn: list[dict[str, Any]] = []
        self.num_drawn = 0

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Draw until there are `num` pictures."""
        if not is_main_process():
            return
        for place, sample in enumerate(outputs or []):
            if self.num_drawn >= self.num:
                return
            picture = _draw(sample, runner.test_dataloader.dataset.metainfo)
            if picture is None:
                continue
            stem = f"{self.num_drawn:02}_{sample.img_id}"
            self.num_drawn += 1
            right, wrong = picture.num_right, picture.num_wrong
            caption = f"{right} right, {wrong} wrong"
            if isinstance(sample, SemanticSample):
                caption = f"IoU of one half or more: {right} classes; below: {wrong}"
            counts = {"num_right": right, "num_wrong": wrong}
            self._save(f"{stem}.png", picture.image, text=picture.text, caption=caption, **counts)
            asked = _draw_asked(runner, data_batch, place, sample)
            if asked is not None:
                self._save(f"{stem}_prompts.png", asked[0], text=asked[1], caption=asked[1])

    def _save(self, file: str, image: np.ndarray, **entry: Any) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(self.folder / file)
        self.drawn.append(dict(file=file, **entry))

    def after_test(self, runner: Runner) -> None:
        """Write the list."""
        if self.drawn:
            (self.folder / "pictures.json").write_text(json.dumps(self.drawn, indent=1))


def _draw(sample: Any, metainfo: dict[str, Any]) -> Picture | None:
    """The picture of one sample; None of a sample that shows nothing."""
    if isinstance(sample, SemanticSample):
        facts, truth = metainfo["semseg"], sample.gt_sem_seg.cpu().numpy()
        predicted = sample.pred_sem_seg.cpu().numpy()
        if facts["background"] is not None:
            predicted = np.minimum(predicted, facts["background"])  # its prompts come last
        picture = read_picture(sample.img_path, size=sample.ori_shape)
        names, ignored = facts["class_names"], facts["ignore_index"]
        return draw_semantic(picture, truth, predicted, names, ignore_index=ignored)
    if len(sample.prompts) == 0:
        return None
    names = [synonyms[0] for synonyms in metainfo["vocabulary"]["classes"]]
    return draw_predictions(read_picture(sample.img_path, size=sample.ori_shape), sample, names)


def _draw_asked(
    runner: Runner, data_batch: Any, place: int, sample: Any
) -> tuple[np.ndarray, str] | None:
    """Picture and text of a model's own prompts for the largest class; None where there are none."""
    model = getattr(runner, "bare_model", None)
    if not isinstance(sample, SemanticSample) or not hasattr(model, "pseudo_prompts"):
        return None
    facts = runner.test_dataloader.dataset.metainfo["semseg"]
    truth = sample.gt_sem_seg.cpu().numpy()
    labels, counts = np.unique(truth[truth != facts["ignore_index"]], return_counts=True)
    name = facts["class_names"][labels[counts.argmax()]] if len(labels) else None
    if name not in model.vocabulary.names:
        return None
    inputs = model.data_preprocessor(data_batch)["inputs"]
    found = model.pseudo_prompts(inputs[place], model.vocabulary.names.index(name))
    if found is None:
        return None
    prompts, similarity = found
    exists = prompts.exists[0].cpu().numpy()
    grid = np.array(similarity.shape[::-1])  # (w, h)
    image = draw_pseudo_prompts(
        read_picture(sample.img_path, size=sample.ori_shape),
        name,
        prompts.masks[0].cpu().numpy()[exists],
        prompts.points[0].cpu().numpy()[exists] * grid,
        similarity=similarity.cpu().numpy(),
    )
    return image, f"pseudo prompts of the last block for {name}: {exists.sum()}"
