"""A short part of `serve`: each hostile request once, and a few visitors who know their answers."""

import functools
import os

import pytest

from ovsam.demo import page as page_module
from ovsam.demo.guard import ServerLimits
from ovsam.demo.service import DemoService
from ovsam.inference.hub import DEFAULT_MODELS
from ovsam.inference.predictor import Predictor
from tests.reliability.hostile import KINDS
from tests.reliability.serve import Load, is_good, resident_mb
from tests.reliability.visitors import known_answers

pytestmark = pytest.mark.seconds


@pytest.fixture(scope="module")
def predictor():
    return Predictor.from_pretrained(DEFAULT_MODELS["promptable"], device="cpu")


@pytest.fixture(scope="module")
def address(predictor):
    pytest.importorskip("gradio", reason="needs the extra demo: pip install 'ovsam[demo]'")
    with pytest.MonkeyPatch.context() as patch:
        hasty = functools.partial(ServerLimits, silent_seconds=0.3)
        patch.setattr(page_module, "ServerLimits", hasty)
        page = page_module.Page(DemoService(predictor))
        blocks = page.launch(prevent_thread_lock=True, quiet=True)
    yield blocks.local_url
    blocks.close(verbose=False)
    page.downloads.close()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_hostile_request_gets_no_more_than_a_refusal(address, kind):
    assert kind(address) == ""


def test_visitors_get_the_answers_to_their_own_pictures(address, predictor):
    load = Load(address, 3, known_answers(predictor, 3), lambda: resident_mb(os.getpid()))
    found = load.run(2.5)
    assert is_good(found), found
    assert found["answers"] >= 3


def test_an_answer_to_another_picture_is_noticed(address, predictor):
    answers = known_answers(predictor, 2)
    swapped = [(answers[0][0], answers[1][1])]
    load = Load(address, 1, swapped, lambda: resident_mb(os.getpid()))
    [visitor] = load.visitors
    visitor.ask()
    for _ in range(3):
        visitor.ask()
    assert visitor.tally.wrong
    assert not is_good(load._found(1.0, [1.0]))
