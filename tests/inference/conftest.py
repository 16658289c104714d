"""Fixtures of the predictor's tests."""

import pytest

from tests.inference.predictors import PICTURE, build


@pytest.fixture(scope="module")
def shared_predictor():
    return build()


@pytest.fixture
def predictor(shared_predictor):
    shared_predictor.set_vocabulary(None)
    shared_predictor.set_image(PICTURE)
    return shared_predictor
