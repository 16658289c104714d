"""The fuzzing of what visitors do on the page: its first tab, without a model."""

import json
import logging
from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np

from ovsam.demo.click_tab import CLICK_MEANINGS, ClickTab
from ovsam.demo.events import check_event
from ovsam.demo.marks import Marks
from ovsam.demo.service import DemoService
from ovsam.demo.tabs import LOGGER, Visit, connect
from ovsam.demo.word_lists import OWN_WORDS
from ovsam.structures.user_prompts import prompts_from_user
from tests.reliability.fuzz_inputs import changed_text, changed_value, json_bytes

EVENTS = {0: 4, 3: 1, 8: 6}


def event(draw: Random) -> bytes:
    number = draw.choice(list(EVENTS))
    file = {"path": "/up/ab/x.png", "orig_name": "x.png", "meta": {"_type": "gradio.FileData"}}
    data = [None, "This object", "50 50", "dog, cat", 0.9, file][: EVENTS[number]]
    told = {"index": [30, 40], "value": None, "selected": True}
    content = {
        "data": data,
        "fn_index": number,
        "event_data": told,
        "trigger_id": 2,
        "session_hash": "x1",
    }
    return json_bytes(draw, content)


def take_event(content: bytes) -> None:
    check_event(content, EVENTS, "/up")
    found = json.loads(content)
    assert len(found["data"]) == EVENTS[found["fn_index"]]
    json.dumps(found, ensure_ascii=False).encode()


class StandIn(DemoService):
    """Answers without a model, and draws nothing."""

    def answer(self, picture: Any, marks: Marks, words: Any = None) -> Any:
        self._pictures.pixels(picture)
        points = np.array(marks.points, np.float32) if marks.points else None
        boxes = None if marks.box is None else list(marks.box)
        prompts_from_user(points, marks.labels if marks.points else None, boxes, size=picture.size)
        return SimpleNamespace(areas=[3], names=["cat"], scores=[0.5], top=[[("cat", 0.5)]])

    def draw(self, picture: Any, marks: Marks, found: Any = None) -> Any:
        return None


@cache
def page() -> tuple[Any, Visit]:
    """What the page does on events of its first tab, by name; and a visit with an opened picture."""
    service = StandIn(SimpleNamespace(vocabulary=None), None, None)
    gradio = SimpleNamespace(EventData=object, skip=lambda: None, DownloadButton=lambda **_: None)
    tab = ClickTab(gradio, service, SimpleNamespace(write=lambda *_: ("a", "b")))
    handlers = {}
    for name, change in {"click": tab._click, "drag": tab._drag, "place": tab._place}.items():
        connect(
            gradio,
            lambda handler, *_, name=name, **__: handlers.__setitem__(name, handler),
            lambda visit, *values, change=change: tab._answer(change, visit, *values),
            [],
            [None] * 6,
        )
    picture = service.picture(np.zeros((20, 30, 3), np.uint8), "a.png")
    return handlers, Visit(picture)


def page_event(draw: Random) -> Any:
    name = draw.choice(("click", "drag", "place"))
    told = changed_value(draw, {"index": [30, 40], "value": None, "selected": True})
    kind = draw.choice((*CLICK_MEANINGS, changed_value(draw, "This object")))
    numbers = changed_text(draw, draw.choice(("5 6", "1 2 10 11", "1.5, 2")))
    given = {"click": [kind], "drag": [numbers], "place": [kind, numbers]}[name]
    if draw.random() < 0.1:
        given[-1] = draw.choice((None, "", "nan nan", "inf 1", "1e400 2", "9" * 5000 + " 1"))
    marks = Marks((((3.0, 4.0, "object"),), ())[draw.randrange(2)])
    return name, told, [*given, OWN_WORDS, changed_text(draw, "cat, dog")], marks


class Complaints(logging.Handler):
    """Raises what the page would log as its own fault."""

    def emit(self, record: logging.LogRecord) -> None:
        assert record.exc_info is not None
        raise AssertionError(f"the page failed: {record.exc_info[1]!r}")


def take_page_event(given: Any) -> None:
    name, told, values, marks = given
    handlers, visit = page()
    if not any(isinstance(handler, Complaints) for handler in LOGGER.handlers):
        LOGGER.addHandler(Complaints())
    found = handlers[name](SimpleNamespace(_data=told), Visit(visit.picture, marks), *values)
    assert "<p role=" in found[1]


ROWS: tuple[tuple, ...] = (
    ("page_events", event, take_event),
    ("page_clicks", page_event, take_page_event),
)
