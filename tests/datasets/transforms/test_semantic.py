"""Steps of label maps: image and labels stay together, labels stay labels."""

import numpy as np
import pytest
from PIL import Image

from ovsam.datasets.label_maps import write_label_map
from ovsam.datasets.semseg_specs import get_spec
from ovsam.datasets.transforms.geometry import RandomFlip
from ovsam.datasets.transforms.semantic import (
    ColourDistortion,
    LoadSemantic,
    PackSemanticInputs,
    RandomWindow,
    ResizeShortSide,
    short_side_shape,
)

SPEC = get_spec("a150")


def results(height=6, width=9, **changes):
    """An image whose red channel is its label map."""
    labels = np.arange(height * width).reshape(height, width) % 150
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = labels
    found = dict(
        img=image,
        sem_seg=labels,
        spec=SPEC,
        label_table=None,
        img_id="one",
        img_path="one.jpg",
        label_path="one.png",
        ori_shape=(height, width),
        img_shape=(height, width),
        scale_factor=(1.0, 1.0),
        sample_seed=3,
        rng=np.random.default_rng(0),
    )
    return {**found, **changes}


@pytest.mark.parametrize(
    ("shape", "size", "max_size", "expected"),
    [
        ((375, 500), 640, 2560, (640, 853)),  # the sliding-window fixture of CAT-Seg
        ((500, 375), 384, 2048, (512, 384)),
        ((100, 1000), 640, 2560, (256, 2560)),
    ],
)
def test_short_side(shape, size, max_size, expected):
    assert short_side_shape(shape, size, max_size) == expected


def test_resize_takes_labels_along_or_leaves_them():
    done = ResizeShortSide(size=12, max_size=100).transform(results())
    assert done["img"].shape == (12, 18, 3)
    assert (done["sem_seg"] == np.kron(results()["sem_seg"], np.ones((2, 2), int))).all()
    assert done["scale_factor"] == (2.0, 2.0)
    kept = ResizeShortSide(size=12, max_size=100, keep_original_labels=True).transform(results())
    assert kept["sem_seg"].shape == (6, 9)


def test_resize_is_pillows():
    image = np.random.default_rng(0).integers(0, 255, (20, 31, 3)).astype(np.uint8)
    done = ResizeShortSide(size=7, max_size=100).transform(results(img=image))
    expected = Image.fromarray(image).resize((11, 7), Image.Resampling.BILINEAR)
    assert (done["img"] == np.asarray(expected)).all()


@pytest.mark.parametrize("seed", range(4))
def test_window_cuts_image_and_labels_at_one_place(seed):
    done = RandomWindow(size=4).transform(results(rng=np.random.default_rng(seed)))
    assert done["img"].shape == (4, 4, 3)
    assert (done["img"][..., 0] == done["sem_seg"]).all()


def test_window_beyond_the_picture_is_grey_and_ignored():
    visible = np.ones((6, 9), np.float32)
    done = RandomWindow(size=8).transform(results(visible=visible))
    assert (done["img"][6:] == 128).all()
    assert (done["sem_seg"][6:] == 255).all()
    assert np.isnan(done["visible"][6:]).all()
    assert (done["img"][:6, :, 0] == done["sem_seg"][:6]).all()


def test_flip_takes_labels_along():
    done = RandomFlip(probability=1.0).transform(results())
    assert (done["sem_seg"] == results()["sem_seg"][:, ::-1]).all()
    assert (done["img"][..., 0] == done["sem_seg"]).all()


def test_colours_change_and_labels_do_not():
    image = np.random.default_rng(0).integers(0, 255, (6, 9, 3)).astype(np.uint8)
    step = ColourDistortion()
    done = [
        step.transform(results(img=image.copy(), rng=np.random.default_rng(seed))) for seed in range(8)
    ]
    assert len({d["img"].tobytes() for d in done}) > 5
    assert all((d["sem_seg"] == results()["sem_seg"]).all() for d in done)
    again = step.transform(results(img=image.copy(), rng=np.random.default_rng(5)))
    assert (again["img"] == done[5]["img"]).all()


def test_hue_goes_round_and_keeps_grey():
    grey = np.full((6, 9, 3), 90, np.uint8)
    step = ColourDistortion(brightness=0.0, contrast_range=(1, 1), saturation_range=(1, 1))
    for seed in range(5):
        done = step.transform(results(img=grey, rng=np.random.default_rng(seed)))
        assert (done["img"] == 90).all()


def write(path, values):
    write_label_map(path, values)
    return dict(label_path=str(path))


def test_labels_of_another_size_than_the_image(tmp_path):
    wrong = write(tmp_path / "one.png", np.zeros((9, 6), np.uint8))
    with pytest.raises(ValueError, match=r"\(h, w\) = \(9, 6\), its image one.jpg \(6, 9\)"):
        LoadSemantic().transform(results(**wrong))


def test_value_out_of_the_table(tmp_path):
    values = np.zeros((6, 9), np.uint8)
    values[1, 2] = 150
    wrong = write(tmp_path / "one.png", values)
    with pytest.raises(ValueError, match="value 150 at row 1, column 2"):
        LoadSemantic().transform(results(**wrong))


def test_classes_that_are_not_kept_become_ignored(tmp_path):
    values = np.full((6, 9), 255, np.uint8)
    values[0], values[1] = 3, 4
    table = np.arange(150)
    table[3] = 255
    given = write(tmp_path / "one.png", values)
    done = LoadSemantic().transform(results(**given, label_table=table))
    assert (done["sem_seg"][0] == 255).all()
    assert (done["sem_seg"][1] == 4).all()
    assert (done["sem_seg"][2:] == 255).all()


def test_packed_sample():
    packed = PackSemanticInputs().transform(results())
    sample = packed["data_samples"]
    assert packed["inputs"].shape == (3, 6, 9)
    assert sample.gt_sem_seg.shape == (6, 9)
    assert sample.gt_sem_seg.dtype.is_signed
    assert sample.ignore_index == 255
    assert "gt_visible" not in sample
