"""Clicks and bad inputs through the served page, without a browser."""

import time

import pytest
import torch

from ovsam.commands.measure_clicks import places_in
from ovsam.datasets.shapes.world import draw_scene
from ovsam.demo.latency import time_page, time_predictor
from ovsam.demo.page import Page
from ovsam.demo.service import DemoService, Limits
from ovsam.predictor import Predictor

SCENE = draw_scene(seed=0, split="test", index=3)
PLACES = places_in(SCENE, 20)


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(4)
    return Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")


@pytest.fixture(scope="module")
def served(predictor):
    pytest.importorskip("gradio", reason="needs the extra demo: pip install 'ovsam[demo]'")
    service = DemoService(predictor, Limits(words=50, file_bytes=3_000_000, clicks=20))
    page = Page(service)
    blocks = page.launch(prevent_thread_lock=True, quiet=True)
    yield service, blocks.local_url
    blocks.close(verbose=False)
    page.downloads.close()


def processor_milliseconds(run):
    """Of this process, per click: other programs on the machine do not count."""
    began = time.process_time()
    clicks = len(run())
    return 1000 * (time.process_time() - began) / clicks


def test_clicks_on_an_encoded_picture_are_quick(predictor):
    before = predictor.num_encoder_runs
    assert processor_milliseconds(lambda: time_predictor(predictor, SCENE.image, PLACES)) < 100
    assert predictor.num_encoder_runs == before + 1


def test_clicks_through_the_page_are_quick(served):
    service, address = served
    before = service.predictor.num_encoder_runs
    # With the page's own work and a second request to clear; idle, a click is done in a quarter of it.
    took = processor_milliseconds(lambda: time_page(service, address, SCENE.image, PLACES))
    assert took < 200
    assert service.predictor.num_encoder_runs == before + 1
