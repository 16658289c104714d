import numpy as np
import pytest
from mmengine.config import Config

from ovsam.visualization.curves import Curve
from tests.training import pretraining
from tests.training.pretraining import EPOCHS, WINDOW, differences, released_curve


def curve(losses, every=20):
    return Curve(every * np.arange(1, len(losses) + 1), np.array(losses, float))


def test_differences_are_of_the_first_loss_and_of_means():
    released = curve([4, 2, 2, 2, 2, 1, 1, 1, 1, 1, 0.5])
    again = curve([4.02, 2, 2, 2, 2, 1, 1.5, 0.8, 1, 1.2])
    first, later = differences(released, again)
    assert first == pytest.approx(0.005)
    assert later == pytest.approx(0.1)
    with pytest.raises(ValueError, match="logged at"):
        differences(released, curve([4, 2], every=10))


@pytest.mark.parametrize("config", EPOCHS)
def test_the_committed_curve_has_a_tenth_of_the_training_and_falls(config):
    committed = released_curve(config)
    content = Config.fromfile(str(pretraining.CURVES.parent / f"{config}.py"))
    epochs, loader = content.train_cfg.max_epochs, content.train_dataloader
    steps = loader.dataset.num_pictures // loader.batch_size
    every = committed.steps[0]
    assert committed.steps[-1] + every > EPOCHS[config] * steps >= epochs * steps / 10
    assert committed.losses[-WINDOW:].mean() < 0.75 * committed.losses[:WINDOW].mean()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("config", EPOCHS)
def test_pretraining_starts_again_as_it_did(config):
    assert pretraining.check([config])
