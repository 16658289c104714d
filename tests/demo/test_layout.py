"""What stands where on the page: the picture first, columns where there is room; texts to be read."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ovsam.commands.demo import examples_of
from ovsam.demo.marks import Marks
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService
from ovsam.demo.style import STYLE
from ovsam.inference.predictor import Predictor
from tests.demo.browser import Browser, missing_parts
from tests.demo.conftest import SCREENSHOTS
from tests.semantic_configs import tiny_predictor

FIRST = examples_of(None)[0][1]
WIDE, NARROW = ((1280, 1000), (1280, 720), (800, 1000)), ((390, 844), (360, 640), (690, 900))  # px
TABS = {"#picture": "#names", "#all": "#everything", "#semantic": "#segment"}  # picture: part beside it


def columns(style, part):
    """The columns of the grid `part`."""
    [found] = re.findall(rf"{part}\b[^{{}}]*{{[^{{}}]*grid-template-columns: ([^;}}]+)", style)
    return len(re.findall(r"minmax\(0, [^)]+\)|\d+px", found))


def test_a_narrow_page_has_one_column():
    wide, narrow = STYLE.split("@media (max-width: 699px)")
    for part in (r"\.beside", "#pictures"):
        assert (columns(wide, part), columns(narrow, part)) == (2, 1)


def test_no_column_is_as_wide_as_its_content():
    """`fr` alone means minmax(auto, fr): a wide child widens the page."""
    for tracks in re.findall(r"grid-template-columns: ([^;}]+)", STYLE):
        assert "fr" not in re.sub(r"minmax\([^)]*\)", "", tracks), tracks


@pytest.fixture
def config():
    """What the page's script gets, of a page without a model."""
    pytest.importorskip("gradio", reason="needs the extra demo: pip install 'ovsam[demo]'")
    origin = SimpleNamespace(config="a", licence="b")
    model = SimpleNamespace(vocabulary=["dog"], origin=origin, encode=str, own_views="whole")
    page = Page(DemoService(model, semantic=model), [("first", FIRST)], "about")
    yield page.build().get_config_file()
    page.downloads.close()


def test_the_picture_comes_before_every_control(config):
    """In the order of the page, which is also that of the keyboard and of a narrow page."""
    components = {part["id"]: part for part in config["components"]}
    order = [components[number] for number in below(config["layout"])]
    named = [part["props"]["elem_id"] for part in order if part["props"].get("elem_id")]
    assert named[:3] == ["title", "status", "picture"]
    after = named[named.index("known") :]
    assert after[:5] == ["known", "words", "searching", "search", "matches"]
    assert after[5:] == ["pictures", "upload", "examples", "about"]
    kinds = [part["type"] for part in order if part["type"] not in ("row", "column", "form")]
    tabs = [row for row, kind in enumerate(kinds) if kind == "tabitem"]
    assert [kinds[row + 1] for row in tabs] == ["image"] * len(TABS)


def below(node):
    """The numbers of the parts inside a node of the layout, in order."""
    for child in node.get("children") or ():
        yield child["id"]
        yield from below(child)


def test_the_first_example_is_open_at_the_start(config):
    parts = {part["props"].get("elem_id"): part["props"] for part in config["components"]}
    for picture in TABS:
        assert parts[picture[1:]]["value"]["path"].endswith(".jpeg")
        assert parts[picture[1:]]["alt_text"]
    assert "Click on an object" in parts["status"]["value"]
    assert "separated by commas" in parts["words"]["label"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    pytest.importorskip("gradio", reason="needs the extra demo: pip install 'ovsam[demo]'")
    torch.manual_seed(4)
    predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    semantic = tiny_predictor(tmp_path_factory.mktemp("semantic"), "escnet")
    page = Page(DemoService(predictor, semantic=semantic), examples_of(None), "Model: one.")
    blocks = page.launch(prevent_thread_lock=True, quiet=True)
    yield page, blocks.local_url
    blocks.close(verbose=False)
    page.downloads.close()


@pytest.fixture(scope="module")
def visitor(page):
    """One browser for all tests: it starts slowly."""
    if missing := missing_parts():
        pytest.skip(missing)
    visitor = Browser(page[1], *WIDE[0], screenshots=SCREENSHOTS)
    visitor.wait(lambda: visitor.all("#picture img"))
    still = "<style>* {transition: none !important}</style>"
    visitor.driver.execute_script("document.head.insertAdjacentHTML('beforeend', arguments[0])", still)
    yield visitor
    visitor.close()


def show(visitor, row, size):
    visitor.resize(*size)
    visitor.press(f"button[role=tab]:nth-of-type({row + 1})")
    visitor.wait(lambda: visitor.place(list(TABS)[row]))
    visitor.driver.execute_script("scrollTo(0, 0)")


def click(visitor):
    size = FIRST.shape[:2]
    visitor.click_picture(size[1] // 2, size[0] // 2, size)
    visitor.await_status("mask of")


@pytest.mark.seconds
@pytest.mark.parametrize("size", [*WIDE, *NARROW], ids=str)
def test_picture_and_what_to_press_need_no_scrolling(visitor, size):
    for row, (picture, beside) in enumerate(TABS.items()):
        show(visitor, row, size)
        image, part = visitor.place(f"{picture} img"), visitor.place(beside)
        assert image.top < 200
        assert image.bottom <= size[1]
        if size[0] < 700:
            assert part.top >= image.bottom
            assert part.left < 24
        else:
            assert part.left >= image.right
            assert part.top < image.top + 5
            assert part.bottom <= size[1]
        assert not visitor.overflow()


@pytest.mark.seconds
@pytest.mark.parametrize("size", [WIDE[0], NARROW[0]], ids=str)
def test_the_answer_is_at_the_picture_and_does_not_move_it(visitor, size):
    show(visitor, 0, size)
    visitor.press("#clear")
    visitor.await_status("Click on an object")
    visitor.driver.execute_script("scrollTo(0, 0)")
    visitor.screenshot(f"start_{size[0]}")
    before = visitor.place("#picture img")
    click(visitor)
    assert visitor.place("#picture img") == before
    assert visitor.place("#status").bottom <= before.top
    assert visitor.place("#names h2").bottom <= size[1]
    assert not visitor.overflow()
    visitor.screenshot(f"click_{size[0]}")


@pytest.mark.seconds
def test_texts_have_contrast_and_answers_fit(page, visitor, monkeypatch):
    service, marks = page[0].service, Marks().add(30, 40, "object")
    # Random weights find nothing by themselves.
    monkeypatch.setattr(service, "everything", lambda picture, **_: service.answer(picture, marks))
    show(visitor, 0, NARROW[0])
    click(visitor)
    visitor.press("#without-mouse > button")
    for row, answer in enumerate(("#names meter", "#found tbody tr", "#legend tbody tr")):
        show(visitor, row, NARROW[0])
        if row:
            visitor.press(list(TABS.values())[row])
        visitor.wait(lambda answer=answer: visitor.all(answer))
        assert not visitor.overflow()
        for theme in ("dark", "light"):
            visitor.driver.execute_script("document.body.classList.toggle('dark')")
            assert not visitor.faint_texts(), theme


@pytest.mark.seconds
@pytest.mark.parametrize("size", [(400, 100), (100, 400)], ids=str)
def test_a_click_means_the_pixel_under_it(page, visitor, tmp_path, size, monkeypatch):
    marked = []
    answer = page[0].service.answer
    monkeypatch.setattr(page[0].service, "answer", lambda p, m, w: marked.append(m) or answer(p, m, w))
    show(visitor, 0, NARROW[0])
    path = tmp_path / "long.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)).save(path)
    visitor.upload(path)
    visitor.await_status(f"{size[1]} x {size[0]} px")
    x, y = size[1] // 5, size[0] // 3
    visitor.click_picture(x, y, size)
    visitor.wait(lambda: marked)
    np.testing.assert_allclose(marked[0].points, [(x, y)], atol=2)
