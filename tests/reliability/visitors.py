"""Visitors of the page who know what they must be answered: each has a picture of its own size."""

import io
import json
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from ovsam.datasets.shapes.world import draw_scene
from ovsam.demo.marks import Marks
from ovsam.demo.service import DemoService
from ovsam.inference.predictor import Predictor
from tests.demo.client import PageClient

AREA = re.compile(r"mask of ([\d,]+) px")
SMALLEST = 150  # px, side of the first visitor's picture; the next one's is a pixel longer
PAUSE = 0.3  # seconds until a refused event is sent again


@dataclass(frozen=True)
class Known:
    """A click and its answer."""

    place: tuple[int, int]
    name: str
    mask: np.ndarray


@dataclass
class Tally:
    """What happened to a visitor.

    Attributes:
        seconds: of every answer.
        wrong: what was not as it must be.
        refused: events that the full queue sent away.
    """

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0


def known_answers(predictor: Predictor, number: int) -> list[tuple[np.ndarray, list[Known]]]:
    """Pictures (H, W, 3), all of different sizes, and what the model answers to clicks on them."""
    service = DemoService(predictor)
    found = []
    for index in range(number):
        scene = draw_scene(seed=7, split="test", index=index, size=SMALLEST + index)
        picture, known = service.picture(scene.image, "x"), []
        for mask in scene.masks:
            y, x = (int(np.median(places)) for places in np.nonzero(mask))
            answer = service.answer(picture, Marks().add(x, y, "object"))
            known.append(Known((x, y), answer.names[0], answer.masks[0]))
        found.append((scene.image, known))
    return found


class Visitor:
    """One who opens a picture and clicks on it, again and again.

    Args:
        address: of the page.
        number: of the visitor.
        image: the visitor's own.
        known: clicks on it.
    """

    def __init__(self, address: str, number: int, image: np.ndarray, known: list[Known]) -> None:
        self.page, self.name = PageClient(address), f"visitor_{number}"
        self.address, self.image, self.known = address, image, known
        self.tally, self.is_open = Tally(), False
        self.random = random.Random(number)

    def ask(self) -> None:
        """Open the picture, or click on it, and compare the answer."""
        began = time.monotonic()
        if not self.is_open or self.random.random() < 0.05:
            file = io.BytesIO()
            Image.fromarray(self.image).save(file, "PNG")
            self._until_taken(lambda: self.page.open(f"{self.name}.png", file.getvalue()))
            side = f"({self.image.shape[1]} x {self.image.shape[0]} px)"
            self._expect(side in self.page.status, f"{side} opened, told {self.page.status}")
            self.is_open = True
        else:
            self._click(self.random.choice(self.known))
        self.tally.seconds.append(time.monotonic() - began)

    def _click(self, click: Known) -> None:
        self._until_taken(lambda: self.page.send("clear", "click"))
        own = [click.name, f"thing of {self.name}"] if self.random.random() < 0.2 else []
        values = {"numbers": "{} {}".format(*click.place), "words": ", ".join(own)}
        outputs = self._until_taken(lambda: self.page.send("place", "click", values))
        told, area = AREA.search(self.page.status), int(click.mask.sum())
        if not self._expect(told is not None, f"a mask expected, told {self.page.status}"):
            return
        found = int(told[1].replace(",", ""))
        self._expect(abs(found - area) <= 0.01 * area, f"{found} px of {area}")
        names = next(part for part in outputs if isinstance(part, dict) and "confidences" in part)
        labels = [row["label"] for row in names["confidences"]]
        self._expect(set(labels) == set(own) if own else labels[0] == click.name, f"{labels}")
        self._compare_file(next(p for p in _files(outputs) if p.endswith(".json")), click)

    def _compare_file(self, path: str, click: Known) -> None:
        with urllib.request.urlopen(f"{self.address.rstrip('/')}/gradio_api/file={path}") as response:
            content = json.loads(response.read())
        image, [row] = content["images"][0], content["annotations"]
        size = (image["height"], image["width"])
        is_own = size == click.mask.shape and self.name in image["file_name"]
        if self._expect(is_own, f"file of {image}"):
            mask = coco_mask.decode(row["segmentation"]).astype(bool)
            share = (mask & click.mask).sum() / (mask | click.mask).sum()
            self._expect(share > 0.99, f"IoU {share}")

    def _until_taken(self, send: Callable[[], Any]) -> Any:
        """What the page answers, once its queue takes the event."""
        try:
            return send()
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        self.tally.refused += 1
        time.sleep(PAUSE * (1 + self.random.random()))
        return self._until_taken(send)

    def _expect(self, is_good: bool, what: str) -> bool:
        if not is_good:
            self.tally.wrong.append(f"{self.name}: {what}")
        return is_good


def _files(outputs: list) -> list[str]:
    """Paths of the files that an answer offers."""
    values = [part.get("value", part) for part in outputs if isinstance(part, dict)]
    return [value["path"] for value in values if isinstance(value, dict) and "path" in value]
