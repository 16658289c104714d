"""PicturesHook: draws the first images of a test, unselected, and the prompts that a model makes."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
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

    Answers that come by kind of prompts go to `<folder>/<kind>`.

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
        self.drawn: dict[Path, list[dict[str, Any]]] = defaultdict(list)  # by folder
        self.num_drawn: Counter[Path] = Counter()

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Draw until there are `num` pictures, of each kind of prompts."""
        if not is_main_process():
            return
        by_kind = outputs if isinstance(outputs, Mapping) else {"": outputs or []}
        for kind, samples in by_kind.items():
            self._draw_first(runner, data_batch, samples, self.folder / kind)

    def _draw_first(self, runner: Runner, data_batch: Any, samples: Any, folder: Path) -> None:
        for place, sample in enumerate(samples):
            if self.num_drawn[folder] >= self.num:
                return
            picture = _draw(sample, runner.test_dataloader.dataset.metainfo)
            if picture is None:
                continue
            path = folder / f"{self.num_drawn[folder]:02}_{sample.img_id}.png"
            self.num_drawn[folder] += 1
            right, wrong = picture.num_right, picture.num_wrong
            caption = f"{right} right, {wrong} wrong"
            if isinstance(sample, SemanticSample):
                caption = f"IoU of one half or more: {right} classes; below: {wrong}"
            counts = {"num_right": right, "num_wrong": wrong}
            self._save(path, picture.image, text=picture.text, caption=caption, **counts)
            asked = _draw_asked(runner, data_batch, place, sample)
            if asked is not None:
                image, text = asked
                self._save(path.with_stem(f"{path.stem}_prompts"), image, text=text, caption=text)

    def _save(self, path: Path, image: np.ndarray, **entry: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        self.drawn[path.parent].append(dict(file=path.name, **entry))

    def after_test(self, runner: Runner) -> None:
        """Write the lists."""
        for folder, entries in self.drawn.items():
            (folder / "pictures.json").write_text(json.dumps(entries, indent=1))


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
