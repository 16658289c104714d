"""The page's answers without a browser, on random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ovsam.datasets.shapes.world import draw_scene
from ovsam.demo.downloads import KEPT_ANSWERS, Downloads
from ovsam.demo.marks import Marks
from ovsam.demo.page import _escaped, _whole_boxes
from ovsam.demo.service import OWN_WORDS, DemoService, Limits, split_words
from ovsam.predictor import Predictor

SCENE = draw_scene(seed=0, split="test", index=3)
CLICK = Marks().add(30, 40, "object")


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(4)
    return Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")


@pytest.fixture
def service(predictor):
    return DemoService(predictor, Limits(words=6, encoded=2, clicks=4, file_bytes=1000))


def test_a_picture_is_encoded_once_and_the_oldest_forgotten(service):
    pictures = [service.picture(np.full((60, 50 + i, 3), i, np.uint8), "a.b.png") for i in range(3)]
    before = service.predictor.num_encoder_runs
    for _ in range(5):
        service.answer(pictures[0], CLICK)
    assert service.predictor.num_encoder_runs == before + 1
    for picture in (*pictures[1:], pictures[0]):
        service.answer(picture, CLICK)
    assert service.predictor.num_encoder_runs == before + 4
    assert pictures[0].name == "a_b"


def test_memory_does_not_grow_over_200_requests(service, resident_kilobytes):
    """Pictures, words and clicks of many visitors: only the last few of each are kept."""

    def use(start, number):
        for i in range(start, start + number):
            shade = np.full_like(SCENE.image, i)
            words = [f"word {i // 5}", "dog"]
            picture = service.picture(shade, "x")
            found = service.answer(picture, CLICK, words)
            if i % 5 == 0:
                service.draw(picture, CLICK, found)

    use(0, 15)
    before = resident_kilobytes()
    use(15, 200)
    assert resident_kilobytes() - before < 20_000


def test_words_of_visitors_are_never_files(service, tmp_path):
    picture = service.picture(SCENE.image, "x")
    secret = tmp_path / "names.txt"
    secret.write_text("secret one\nsecret two")
    found = service.answer(picture, CLICK, [str(secret), "dog"])
    assert str(secret).rpartition("/")[2] in " ".join(found.class_names)
    assert not any("secret" in name for name in found.class_names)
    with pytest.raises(ValueError, match="no such list of words"):
        service.answer(picture, CLICK, str(secret))
    assert service.answer(picture, CLICK, OWN_WORDS).class_names[0] == "red circle"


def test_limits_are_said(service):
    picture = service.picture(SCENE.image, "x")
    with pytest.raises(ValueError, match="7 words, allowed are 6"):
        service.answer(picture, CLICK, [f"w{i}" for i in range(7)])
    many = Marks((CLICK.clicks[0],) * 5)
    with pytest.raises(ValueError, match="more than 4 clicks"):
        service.answer(picture, many)
    with pytest.raises(ValueError, match="the file has"):
        service.open(bytes(1001))
    with pytest.raises(ValueError, match="click on an object"):
        service.answer(picture, Marks().add(3, 3, "not this"))
    slow = DemoService(service.predictor, Limits(seconds=0.0))
    with pytest.raises(TimeoutError, match="fewer points"):
        slow.everything(picture, points_per_side=8)


def test_shown_places_are_pixels_of_the_picture(service):
    picture = service.picture(np.zeros((50, 100, 3), np.uint8), "x")
    assert picture.shown_side == 640
    assert service.draw(picture, Marks()).shape == (320, 640, 3)
    assert picture.from_shown(639.9, 319.9) == (99, 49)
    assert picture.from_shown(6.5, 12.7) == (1, 1)
    assert picture.from_shown(700, 400) == (99, 49)


def test_a_waiting_corner_does_not_mix_with_a_drawn_box():
    marks = Marks().add(1, 2, "corner").add(5, 5, "object")
    drawn = _whole_boxes(marks).add(10, 20, "corner").add(30, 40, "corner")
    assert drawn.box == (10, 20, 30, 40)
    assert drawn.points == [(5, 5)]


def test_old_downloads_go(service):
    found = service.answer(service.picture(SCENE.image, "x"), CLICK)
    downloads = Downloads({})
    try:
        paths = [downloads.write("a", found) for _ in range(KEPT_ANSWERS + 3)]
        assert len(list(downloads.folder.iterdir())) == KEPT_ANSWERS
        assert Path(paths[-1][0]).read_bytes()[:4] == b"\x89PNG"
    finally:
        downloads.close()
    assert not downloads.folder.exists()


def test_texts_are_neither_html_nor_templates():
    assert _escaped("<b>${1}{{2}}</b>") == "&lt;b&gt;&#36;&#123;1}&#123;&#123;2}}&lt;/b&gt;"
    assert split_words(" a b,\n,c;d ") == ["a b", "c", "d"]
