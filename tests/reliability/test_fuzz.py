"""A small part of the fuzzing, what it has found, and that it would notice."""

import json
import os
import signal
import time

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from pycocotools import mask as coco_mask

from ovsam.commands.shared.options import parse_options
from ovsam.datasets.pictures import read_picture
from ovsam.datasets.sa1b_index import _digest
from ovsam.demo.marks import Marks
from tests.reliability import fuzz
from tests.reliability.fuzz_files import (
    MOST_PIXELS,
    OPTIONS,
    _with_checksum,
    apply_options,
    archives,
    pictures,
)
from tests.reliability.fuzz_inputs import compressed
from tests.reliability.fuzz_parsers import PARSERS, Parser

INPUTS = 150  # of each parser


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_inputs_that_nearly_fit_are_read_or_refused_in_our_own_words(name):
    assert [p for n in range(INPUTS) if (p := fuzz.problem_of(PARSERS[name], n, seed=0))] == []


HUGE = 10**400  # JSON allows it, no float holds it
COCO = {
    "images": [{"id": 5, "file_name": "a.jpg", "height": 6, "width": 8}],
    "annotations": [],
    "categories": [],
}
BOX = {"image_id": 5, "category_id": 1, "bbox": [0, 0, 4, 3], "score": 0.5}
PART = {"name": "sa_0", "bytes": None, "files": []}
TAR = {"name": "sa_1.tar", "bytes": 10, "files": []}
NECK = "ovsam.models.necks.pyramid:FeaturePyramid"
#: (parser, input) that raised something else before, or was taken.
FOUND = [
    ("rle_compressed", ({"size": [8, 5], "counts": "g0\ud800"}, (8, 5))),
    ("coco", ({**COCO, "categories": -1}, {})),
    ("coco", ({**COCO, "categories": [[{"id": 1}]]}, {})),
    ("coco", ({**COCO, "categories": [{"id": {}, "name": "dog"}]}, {})),
    ("coco", ({**COCO, "images": [{**COCO["images"][0], "height": HUGE}]}, {})),
    ("lvis", ({**COCO, "images": [{"id": 5, "coco_url": 1, "height": HUGE, "width": 8}]}, {})),
    ("sa1b_masks", json.dumps({"image": {"height": 6, "width": 8e9}, "annotations": []}).encode()),
    ("sa1b_masks", json.dumps({"image": {"height": HUGE, "width": 8}, "annotations": []}).encode()),
    ("detections", json.dumps([{**BOX, "image_id": [5]}]).encode()),
    ("detections", json.dumps([{**BOX, "category_id": {}}]).encode()),
    ("detections", json.dumps([{**BOX, "score": 1e99}]).encode()),
    ("detector_classes", b'{"categories": [{"name": "cat"}]}'),
    ("detector_classes", b'{"categories": [{"id": 1}]}'),
    ("detector_classes", b'{"categories": ["cat"]}'),
    ("detector_classes", b'{"categories": [{"id": [], "name": "cat"}]}'),
    ("detector_classes", '{"²": "cat"}'.encode()),
    ("vocabulary_json", (".json", b'{"categories": [{"id": 1}]}')),
    ("vocabulary_json", (".json", b'{"categories": [{"name": "cat"}]}')),
    ("vocabulary_json", (".json", b'{"categories": [[0]]}')),
    ("vocabulary_json", (".json",
    b'{"categories": [{"id": 1, "name": "a"}, {"id": "2", "name": "b"}]}')),
    ("vocabulary_json", (".json", b"[" * 100_000)),
    ("prompts", {"points": [[3, HUGE]]}),
    ("prompts", {"boxes": HUGE}),
    *(
        ("sa1b_index", [part])
        for part in (
            1, {}, {**PART, "name": "../elsewhere"}, {**PART, "name": ".."}, {**PART, "name": "a" * 300},
            {**PART, "files": [[1, 0, [], 0, -1]]}, {**PART, "files": [3]}, {**PART, "files": [[1,
            5, 9, 0, -1]]},
            {**TAR, "files": [[1, 5, 9, 0, 1]]}, {**TAR, "files": [[1, None, None, 0, 1]]},
            {**TAR, "files": [[1, -1, 2, 0, 1]]},
        )
    ),
    *(("config_options", [text]) for text in ("work_dir", "=3", "hooks=[51,2),[11]",
    "hooks=(a),(b)", "hooks=" + "[" * 5000 + "]" * 5000)),
    ("config_options", ["hooks.0.a.b=5"]),
    ("config_options", ["hooks=[|,[3]]", "hooks.0.a=5"]),
    ("saved_models", 2),
    ("saved_models", {"type": None, "strides": [2]}),
    ("saved_models", {"type": []}),
    ("saved_models", {"type": NECK, "in_channels": [0], "strides": [2], "out_channels": 4}),
    ("saved_models", {"type": NECK, "in_channels": [2], "strides": [2], "out_channels": 2**40}),
    ("page_events", b'{"fn_index": 3, "data": ["\\ud800"], "session_hash": "x"}'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given"), FOUND, ids=lambda value: repr(value)[:40])
def test_what_fuzzing_found_is_refused_with_its_documented_error(name, given):
    if name == "sa1b_index":
        given = _index_of(given)
    with pytest.raises(PARSERS[name].errors) as caught:
        PARSERS[name].take(given)
    assert type(caught.value) in PARSERS[name].errors
    assert str(caught.value).strip()


def _index_of(parts):
    """An index whose digest is right, whatever it lists."""
    return json.dumps({"format": 1, "digest": _digest(parts), "num_images": 1, "parts": parts}).encode()


def test_an_index_without_parts_is_told():
    content = json.loads(_index_of(None))
    del content["parts"]
    with pytest.raises(ValueError, match="does not list files"):
        PARSERS["sa1b_index"].take(json.dumps(content).encode())


def test_a_tar_file_whose_member_is_larger_than_any_file_is_told():
    whole = archives()[1]
    size = b"\x80" + (1 << 80).to_bytes(11, "big")  # how large numbers are written
    huge = _with_checksum(whole[:124] + size + whole[136:], 0)
    with pytest.raises(ValueError, match="broken or no plain tar file"):
        PARSERS["sa1b_tar"].take(huge)


@pytest.mark.parametrize("box", [[HUGE, 0, 1, 1], [0.5, 0, HUGE, 1]])
def test_a_box_that_no_float_holds_has_no_area(box):
    assert PARSERS["boxes"].take((box, (6, 8))) is None


@pytest.mark.parametrize("label", [[], {}, ["This object"]])
def test_a_click_whose_meaning_is_no_text_is_told(label):
    PARSERS["page_clicks"].take(("click", {"index": [3, 4]}, [label, "", ""], Marks()))


def test_a_wrong_checksum_hides_no_size():
    whole = pictures()[0]
    assert whole[:4] == b"\x89PNG"
    huge = whole[:16] + (30_000).to_bytes(4, "big") * 2 + whole[24:]
    with pytest.raises(ValueError, match="cannot read how large"):
        read_picture("a.png", huge, MOST_PIXELS)
    levels = np.zeros((400, 500, 3), np.float32)
    with pytest.raises(ValueError, match="cannot read how large"):  # only OpenCV knows this kind
        read_picture("a.hdr", cv2.imencode(".hdr", levels)[1].tobytes(), MOST_PIXELS)


def test_options_are_read_by_mmengine_s_rules():
    found = parse_options(["a=1,2", "b.c=(x,[1.5,None])", "d=--x=y", "e="])
    assert found == {"a": [1, 2], "b.c": ("x", [1.5, None]), "d": "--x=y", "e": ""}
    with pytest.raises(KeyError, match="hooks"):
        apply_options(Config(dict(OPTIONS)), {"hook": 3})


def test_the_text_of_run_lengths_is_that_of_the_library():
    lengths = [3, 40, 1, 2000, 7, 5]
    code = coco_mask.frPyObjects({"size": [2056, 1], "counts": lengths}, 2056, 1)
    assert compressed(lengths) == code["counts"].decode()


def _dies(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)


def _hangs(number):
    if number == 3:
        time.sleep(60)


def _takes_memory(number):
    if number == 3:
        bytearray(4 << 30)


def _raises(number):
    if number == 3:
        raise KeyError("x")


def _other_words(number):
    if number == 3:
        int("x")


@pytest.mark.parametrize(
    ("take", "told"),
    [
        (_dies, "the process ended with -9"), (_hangs, "longer than"), (_takes_memory, "MemoryError"),
        (_raises, "KeyError"), (_other_words, "ValueError from"),
    ],
)  # fmt: skip
def test_every_kind_of_crash_is_noticed_and_the_other_inputs_are_tried(take, told, monkeypatch):
    monkeypatch.setattr(fuzz, "LONGEST", 0.5)
    numbers = Parser("numbers", lambda draw: draw.number, take)
    monkeypatch.setattr(fuzz, "Random", Numbered)
    found = fuzz.fuzz(numbers, 6)
    assert (found.inputs, list(found.crashes)) == (6, [3])
    assert told in found.crashes[3]


class Numbered:
    """Stands for a generator: knows only the number of the input."""

    def __init__(self, number):
        self.number = number
