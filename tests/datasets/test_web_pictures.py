import numpy as np
import torch

from ovsam.datasets.shapes.classes import ALL_LOOKS
from ovsam.datasets.shapes.world import draw_scene, draw_web_picture
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.web_pictures import WebPictures, WebScenes

LOOKS = {look.name: look for look in ALL_LOOKS}


def web(**options):
    settings = dict(num_pictures=4, size=32, templates=("a {}", "there is a {}"), num_single=2)
    return WebPictures(**{**settings, **options})


def test_a_caption_names_what_the_picture_shows_and_nothing_else():
    data = web()
    for index in range(4):
        item = data[index]
        drawn = draw_web_picture(seed=0, index=index, size=32, single=index < 2)
        np.testing.assert_array_equal(item["inputs"].permute(1, 2, 0).numpy(), drawn.image)
        assert item["names"] == {look.name for look in drawn.looks}
        about = " and ".join(f"a {look.name}" for look in drawn.looks)
        assert item["captions"] in (about, f"there is {about}")


def test_every_epoch_has_new_pictures_and_singles_come_first():
    data = web()
    first = [data[index] for index in range(4)]
    data.set_epoch(1)
    second = [data[index] for index in range(4)]
    pictures = {item["inputs"].numpy().tobytes() for item in first + second}
    assert len(pictures) == 8
    assert all(len(item["names"]) == 1 for item in first[:2])
    assert any(len(item["names"]) > 1 for item in first[2:] + second)
    data.set_epoch(0)
    assert torch.equal(data[3]["inputs"], first[3]["inputs"])


def test_the_other_name_differs_in_one_thing_and_is_not_shown():
    data = web(num_pictures=200)
    for item in map(data.__getitem__, range(200)):
        other = LOOKS[item["other_names"]]
        assert other.name not in item["names"]
        shown = [LOOKS[name] for name in item["names"]]
        differences = [
            sum(
                getattr(look, kind) != getattr(other, kind)
                for kind in ("colour", "shape", "pattern", "second")
            )
            for look in shown
        ]
        assert min(differences) == 1


def test_scenes_have_masks_without_classes_and_new_ones_every_epoch():
    data = WebScenes(num_pictures=3, size=48, pipeline=[LoadImage(), LoadInstances()])
    for epoch in (0, 2):
        data.set_epoch(epoch)
        sample = data[1]
        scene = draw_scene(seed=0, split="web", index=3 * epoch + 1, size=48)
        np.testing.assert_array_equal(sample["img"], scene.image)
        np.testing.assert_array_equal(sample["masks"], scene.masks)
        assert (sample["labels"] == -1).all()
