"""The page in a real browser, driven as a visitor does; screenshots go to work_dirs/demo."""

import io
import json
import os
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from ovsam.datasets.shapes.classes import CLASS_NAMES
from ovsam.datasets.shapes.world import draw_scene
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService, Limits
from ovsam.inference.predictor import Predictor
from ovsam.inference.semantic_predictor import SemanticPredictor
from tests.semantic_configs import tiny_predictor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TAB = "button[role=tab]:nth-of-type({})"
QUICKSTART = Path(os.environ.get("OVSAM_QUICKSTART", "work_dirs/quickstart"))
SCENE = draw_scene(seed=0, split="test", index=3)
SIZE = SCENE.image.shape[:2]


def serve(predictor, semantic=None, **limits):
    pytest.importorskip("gradio", reason="needs the extra demo: pip install 'ovsam[demo]'")
    page = Page(DemoService(predictor, Limits(**limits), semantic))  # examples would be open already
    blocks = page.launch(prevent_thread_lock=True, quiet=True)
    return page, blocks


@pytest.fixture(scope="module")
def random_page():
    torch.manual_seed(4)
    predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    page, blocks = serve(predictor, words=50, file_bytes=3_000_000)
    yield page, blocks.local_url
    blocks.close()
    page.downloads.close()


@pytest.fixture(scope="module")
def semantic_page(tmp_path_factory):
    torch.manual_seed(4)
    predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    semantic = tiny_predictor(tmp_path_factory.mktemp("semantic"), "escnet")
    page, blocks = serve(predictor, semantic, words=50)
    yield page, blocks.local_url
    blocks.close()
    page.downloads.close()


@pytest.fixture(scope="module")
def trained_page():
    if not list(QUICKSTART.glob("seed_*/ovsam_rn/weights.safetensors")):
        pytest.skip("needs the weights of `make quickstart` (OVSAM_QUICKSTART names their folder)")
    predictor = Predictor.from_pretrained("quickstart", weights_root=QUICKSTART, device="cpu")
    page, blocks = serve(predictor)
    yield page, blocks.local_url
    blocks.close()
    page.downloads.close()


@pytest.fixture(scope="module")
def released_semantic_page():
    predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    semantic = SemanticPredictor.from_pretrained("shapes_escnet", device="cpu")
    page, blocks = serve(predictor, semantic)
    yield page, blocks.local_url
    blocks.close()
    page.downloads.close()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "scene.png"
    Image.fromarray(SCENE.image).save(path)
    return path


def inmost(mask):
    """(x, y) farthest from the edge of a mask."""
    padded = np.pad(mask, 1).astype(np.uint8)
    y, x = np.unravel_index(cv2.distanceTransform(padded, cv2.DIST_L2, 5).argmax(), padded.shape)
    return int(x) - 1, int(y) - 1


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def test_picture_to_mask_and_name(trained_page, browser, picture):
    page, address = trained_page
    visitor = browser(address)
    visitor.screenshot("start")
    visitor.upload(picture)
    visitor.await_status("192 x 192 px")
    runs = page.service.predictor.num_encoder_runs
    row = int(SCENE.masks.sum(axis=(1, 2)).argmax())
    mask, name = SCENE.masks[row], CLASS_NAMES[SCENE.labels[row]]

    visitor.click_picture(*inmost(mask), SIZE)
    visitor.await_status("mask of")
    found = np.array(Image.open(io.BytesIO(visitor.download("#mask", ".png")))) > 0
    assert iou(found, mask) >= 0.6
    assert name in visitor.names()
    assert len(visitor.names()) == 5
    visitor.screenshot("click")

    visitor.press("#clear")
    visitor.await_status("Click on an object")
    ys, xs = np.nonzero(mask)
    visitor.drag_box((xs.min(), ys.min(), xs.max(), ys.max()), SIZE)
    visitor.await_status("mask of")
    time.sleep(1)  # a drag ends with a click, which must not count as one
    visitor.screenshot("box")
    answer = json.loads(visitor.download("#json", ".json"))
    [annotation] = answer["annotations"]
    assert iou(coco_mask.decode(annotation["segmentation"]).astype(bool), mask) >= 0.6
    assert name in [top[0] for top in annotation["top"]]

    visitor.fill("#words", f"{name}, blue dog, green cat")
    visitor.wait(lambda: len(visitor.names()) == 3)
    assert visitor.names()[0] == name
    assert set(visitor.names()) == {name, "blue dog", "green cat"}
    assert page.service.predictor.num_encoder_runs == runs
    visitor.screenshot("words")


def test_everything_finds_and_names(trained_page, browser, picture):
    visitor = browser(trained_page[1])
    visitor.upload(picture)
    visitor.await_status("192 x 192 px")
    visitor.press(TAB.format(2))
    visitor.press("#everything")
    status = visitor.await_status("objects found")
    count = int(status.split()[0])
    assert count >= 3
    assert len(visitor.all("#found tbody tr")) == count
    pixels = np.array(Image.open(io.BytesIO(visitor.download("#all-mask", ".png"))))
    assert pixels.shape == SIZE
    assert pixels.max() <= count
    visitor.screenshot("everything")


def test_two_visitors_keep_apart(random_page, browser, picture):
    first, second = browser(random_page[1]), browser(random_page[1], width=400, height=800)
    first.upload(picture)
    first.await_status("192 x 192 px")
    assert "192" not in second.status()
    second.upload(_saved(picture, np.full((60, 90, 3), 120, np.uint8)))
    second.await_status("90 x 60 px")
    first.fill("#words", "one thing, another thing")
    second.fill("#words", "third thing, fourth thing, fifth thing")
    first.click_picture(40, 50, SIZE)
    second.click_picture(80, 20, (60, 90))
    for visitor, words in ((first, {"one", "another"}), (second, {"third", "fourth", "fifth"})):
        visitor.await_status("mask of")
        assert {name.removesuffix(" thing") for name in visitor.names()} == words
    sizes = [
        np.array(Image.open(io.BytesIO(v.download("#mask", ".png")))).shape for v in (first, second)
    ]
    assert sizes == [SIZE, (60, 90)]
    second.screenshot("phone")
    assert not second.overflow()


def test_marks_without_a_mouse_and_undo(random_page, browser, picture):
    visitor = browser(random_page[1])
    visitor.upload(picture)
    visitor.await_status("192 x 192 px")
    [accordion] = [b for b in visitor.all("button") if "Without a mouse" in b.text]
    accordion.click()
    visitor.wait(lambda: visitor.all("#numbers textarea, #numbers input"))
    visitor.fill("#numbers", "10 20 90 100")
    box_only = visitor.await_status("mask of")
    visitor.choose("#kind", "Not this")
    visitor.fill("#numbers", "30, 40")
    visitor.wait(lambda: visitor.status() != box_only)
    visitor.press("#undo")
    visitor.await_status(box_only)
    visitor.fill("#numbers", "nan nan")
    assert "finite" in visitor.wait(lambda: visitor.all("#status .problem") and visitor.status())
    visitor.press("#clear")
    visitor.await_status("Click on an object")
    visitor.choose("#kind", "Corner of a box")
    visitor.click_picture(90, 90, SIZE)
    visitor.await_status("opposite corner")
    visitor.click_picture(20, 30, SIZE)  # reversed corners are put in order
    visitor.await_status("mask of")


def test_words_are_shown_and_never_run(random_page, browser, picture):
    visitor = browser(random_page[1])
    visitor.upload(picture)
    visitor.await_status("192 x 192 px")
    words = ["<img src=x onerror=window.ran=1>", "🦄", "${window.ran=1}", "{{window.ran=1}}"]
    visitor.fill("#words", ",".join(words))
    visitor.click_picture(64, 64, SIZE)
    visitor.await_status("mask of")
    assert set(visitor.names()) == set(words)
    visitor.press(TAB.format(2))
    visitor.press("#everything")
    visitor.await_status("objects found")
    assert visitor.driver.execute_script("return window.ran") is None
    visitor.fill("#words", ",".join(f"w{i}" for i in range(10_000)))
    assert "at most 50 are allowed" in visitor.wait(
        lambda: visitor.all("#status .problem") and visitor.status()
    )


def test_semantic_map_of_typed_names(semantic_page, browser, picture):
    page, address = semantic_page
    visitor = browser(address)
    visitor.press(TAB.format(3))
    visitor.press("#segment")
    assert "open a picture first" in visitor.wait(
        lambda: visitor.all("#status .problem") and visitor.status()
    )
    visitor.upload(picture)
    visitor.await_status("192 x 192 px")
    words = ["lake", "<img src=x onerror=window.ran=1>", "🦄 ${window.ran=1}"]
    visitor.fill("#words", ",".join(words), submit=False)
    for views, text in (("five", "Five views: finer, takes longer"), ("whole", "The whole picture")):
        visitor.choose("#views", text)
        visitor.press("#segment")
        expected = page.service.semantic.segment(SCENE.image, words, views=views)
        first = expected.found[0]
        # The table changes with the answer: its first row is the largest class.
        cells = visitor.wait(
            lambda area=first.area: [
                cells
                for cells in [[c.text for c in visitor.all("#legend tbody tr:first-child td")]]
                if cells and cells[3] == f"{area:,}"
            ]
        )[0]
        assert cells[1:3] == [first.name, f"{100 * first.share:.1f} %"]
        assert visitor.status() == f"{len(expected.found)} of 3 names found."
    assert len(visitor.all("#legend tbody tr")) == len(expected.found)
    assert [head.text for head in visitor.all("#legend th")][1] == "Name"
    values = cv2.imdecode(
        np.frombuffer(visitor.download("#semantic-mask", ".png"), np.uint8), cv2.IMREAD_UNCHANGED
    )
    np.testing.assert_array_equal(values.astype(int) - 1, expected.labels)
    answer = json.loads(visitor.download("#semantic-json", ".json"))
    assert [row["name"] for row in answer["categories"]] == words
    assert answer["images"][0]["classes"][0]["area"] == first.area
    assert visitor.driver.execute_script("return window.ran") is None
    image = visitor.wait(lambda: visitor.all("#semantic img")[0])
    assert "table names them" in image.get_attribute("alt")
    visitor.screenshot("semantic")

    visitor.fill("#words", ",".join(f"w{i}" for i in range(10_000)), submit=False)
    visitor.press("#segment")
    told = visitor.wait(lambda: visitor.all("#status .problem") and visitor.status())
    assert "at most 50 are allowed" in told
    visitor.upload(_saved(picture, np.full((60, 90, 3), 120, np.uint8)))
    visitor.await_status("90 x 60 px")
    visitor.wait(lambda: not visitor.all("#legend table"))  # it was of the picture before
    visitor.wait(lambda: not visitor.all("#semantic-mask")[0].is_enabled())


def test_semantic_map_of_a_trained_model(released_semantic_page, browser, picture):
    visitor = browser(released_semantic_page[1])
    visitor.press(TAB.format(3))
    visitor.upload(picture)
    visitor.await_status("192 x 192 px")
    present = sorted({CLASS_NAMES[label] for label in SCENE.labels})
    words = [*present, *(name for name in CLASS_NAMES[::9] if name not in present)]
    visitor.fill("#words", ",".join(words), submit=False)
    visitor.press("#segment")
    visitor.wait(lambda: visitor.all("#legend tbody tr"))
    values = cv2.imdecode(
        np.frombuffer(visitor.download("#semantic-mask", ".png"), np.uint8), cv2.IMREAD_UNCHANGED
    )
    expected = np.array([words.index(CLASS_NAMES[label]) for label in SCENE.labels])
    right = [
        (values[mask] == 1 + label).mean() for mask, label in zip(SCENE.masks, expected, strict=True)
    ]
    assert np.mean(right) >= 0.5
    visitor.screenshot("semantic_trained")


def test_semantic_tab_only_where_there_is_a_model(random_page, semantic_page, browser):
    for (_, address), titles in (
        (random_page, ["Click", "Everything"]),
        (semantic_page, ["Click", "Everything", "Semantic map"]),
    ):
        visitor = browser(address, width=400, height=800)
        visitor.wait(lambda: visitor.all(TAB.format(1)))  # noqa: B023, called at once
        shown = visitor.driver.execute_script(
            "return [...document.querySelectorAll('button[role=tab]')].map(tab => tab.innerText)"
        )
        assert list(dict.fromkeys(text.strip() for text in shown if text.strip())) == titles
        assert not visitor.overflow()


def test_bad_files_are_told_and_the_server_stays(random_page, browser, picture):
    visitor = browser(random_page[1])
    folder = picture.parent
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    Image.new("L", (16_000, 12_500)).save(folder / "huge.png")
    for name, told in (
        ("text.png", "no picture"), ("empty.png", "empty"), ("huge.png", "allowed are 25,000,000"),
    ):  # fmt: skip
        visitor.upload(folder / name)
        status = visitor.await_status(told)
        assert not re.search(r"/\w+/|Traceback|\.py", status)
        visitor.upload(picture)
        visitor.await_status("192 x 192 px")
    rotated = Image.fromarray(SCENE.image[:, :100])
    exif = Image.Exif()
    exif[0x0112] = 6
    rotated.convert("CMYK").save(folder / "rotated.jpg", exif=exif)
    visitor.upload(folder / "rotated.jpg")
    visitor.await_status("192 x 100 px")


def _saved(beside, array):
    path = beside.with_name("other.png")
    Image.fromarray(array).save(path)
    return path
