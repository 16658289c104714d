"""Label maps as people's tools leave them: each test is a row of docs/files.md."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ovsam.cli import main
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import label_maps
from ovsam.datasets.transforms.loading import LoadImage
from ovsam.datasets.transforms.semantic import LoadSemantic, PackSemanticInputs
from ovsam.inference.hub import load
from ovsam.weights import save_weights
from tests.field.page import row

REPOSITORY = Path(__file__).resolve().parents[2]
PIPELINE = [dict(type=LoadImage), dict(type=LoadSemantic), dict(type=PackSemanticInputs)]
SIZE = (96, 128)


def labels():
    """(96, 128) uint8: road below, tree above, two cars, a strip that is unknown."""
    drawn = np.zeros(SIZE, np.uint8)
    drawn[:40] = 1
    drawn[50:70, 10:40] = drawn[60:80, 80:120] = 2
    drawn[90:] = 255
    return drawn


def folders(root, number=3, values=labels, suffix=".png", save=None):
    """Pictures and label maps below `root`, for training and validation."""
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
        for place in range(number):
            stem, drawn = f"p{place}", values()
            shades = (drawn.astype(np.uint8) * 60)[..., None] + np.uint8(place)
            cv2.imwrite(str(root / "images" / split / f"{stem}.jpg"), np.repeat(shades, 3, axis=2))
            path = root / "labels" / split / f"{stem}{suffix}"
            (save or (lambda p, v: cv2.imwrite(str(p), v)))(path, drawn)
    return root


def dataset(root, **changes):
    options = dict(base=["road", "tree"], novel=["car"], images="images/train", labels="labels/train")
    spec = dict(type=label_maps, name="mine", root=str(root), **(options | changes))
    return SemsegDataset(spec=spec, pipeline=PIPELINE, test_mode=True)


def read(root, **changes):
    return dataset(root, **changes)[0]["data_samples"].gt_sem_seg.numpy()


def palette(path, values):
    picture = Image.fromarray(values, mode="P")
    picture.putpalette([number * 7 % 256 for number in range(768)])
    picture.save(path)


@row("Label maps", "PNG of 8 or 16 bits, or with a palette", "read", "a pixel's value is its class")
@pytest.mark.parametrize("save", [None, palette, lambda p, v: cv2.imwrite(str(p), v.astype(np.uint16))])
def test_kinds_of_label_maps(tmp_path, save):
    np.testing.assert_array_equal(read(folders(tmp_path, save=save)), labels())


@row(
    "Label maps", "more than 256 values (16 bits), or 65535 for unknown", "read", "`ignore_value=65535`"
)
def test_sixteen_bits(tmp_path):
    deep = labels().astype(np.uint16)
    deep[deep == 255] = 65_535
    folders(tmp_path, save=lambda p, v: cv2.imwrite(str(p), deep))
    found = read(tmp_path, ignore_value=65_535)
    assert np.unique(found).tolist() == [0, 1, 2, 65_535]


@row(
    "Label maps", "values that do not count from 0 (7, 8, 11; 0 and 255)", "read", "`values=(7, 8, 11)`"
)
def test_values_of_ones_own(tmp_path):
    table = np.full(256, 255, np.uint8)
    table[:3] = [7, 8, 11]
    folders(tmp_path, values=lambda: table[labels()])
    np.testing.assert_array_equal(read(tmp_path, values=(7, 8, 11)), labels())
    with pytest.raises(ValueError, match=r"values must be 3, one for each name, got \[7, 8\]"):
        read(tmp_path, values=(7, 8))
    with pytest.raises(ValueError, match=r"values must be 3, one for each name, got \[7, 8, 8, 11\]"):
        read(tmp_path, values=(7, 8, 8, 11))
    for wrong in (dict(values=(7, 8, -1)), dict(values=("7", "8", "11")), dict(ignore_value=70_000)):
        with pytest.raises(ValueError, match="must be whole numbers 0"):
            read(tmp_path, **wrong)
    with pytest.raises(ValueError, match="ignore_value 1 is the label of 'tree'"):
        read(tmp_path, ignore_value=1)
    with pytest.raises(ValueError, match="ignore_value 255 is the label of 'c255'"):
        read(tmp_path, base=[f"c{number}" for number in range(300)], novel=[])
    binary = folders(tmp_path / "two", values=lambda: (labels() == 2) * np.uint8(255))
    found = read(binary, base=["background", "car"], novel=[], values=(0, 255))
    np.testing.assert_array_equal(found, labels() == 2)


@row("Label maps", "0 for unknown pixels, classes from 1 on", "read", "`ignore_value=0, values=(1, 2)`")
def test_unknown_pixels_of_value_0(tmp_path):
    table = np.zeros(256, np.uint8)
    table[:3] = [1, 2, 3]
    folders(tmp_path, values=lambda: table[labels()])
    found = read(tmp_path, ignore_value=0, values=(1, 2, 3))
    np.testing.assert_array_equal(found, np.where(labels() == 255, 65_535, labels().astype(int)))


@pytest.mark.parametrize("save", [None, palette])
def test_damaged_pixels(tmp_path, save):
    path = folders(tmp_path, save=save) / "labels" / "train" / "p0.png"
    content = path.read_bytes()
    place = content.find(b"IDAT") + 10
    path.write_bytes(content[:place] + b"\xff" * 20 + content[place + 20 :])
    with pytest.raises(ValueError, match=r"label map .*p0\.png is broken"):
        read(tmp_path)


def test_other_files_beside_the_pictures(tmp_path):
    pictures, maps = folders(tmp_path) / "images" / "train", tmp_path / "labels" / "train"
    for place in range(3):
        for suffix in (".json", ".xml", ".txt"):
            (pictures / f"p{place}{suffix}").write_text("{}")
        shutil.copy(maps / f"p{place}.png", pictures)
    for folder in ("images/train", "labels/train"):
        found = dataset(tmp_path, labels=folder)
        assert found.get_data_info(0)["img_path"] == str(pictures / "p0.jpg")
        np.testing.assert_array_equal(read(tmp_path, labels=folder), labels())


@row("Label maps", "a value that is no class", "refused", "file, value and place; says what to set")
def test_value_of_no_class(tmp_path):
    folders(tmp_path)
    expected = r"p0\.png has the value 2 at row 50, column 10; expected 0\.\.1 or 255 .*set `values`"
    with pytest.raises(ValueError, match=expected):
        read(tmp_path, novel=[])
    with pytest.raises(ValueError, match=r"the value 1, expected one of \[0, 2, 3\] or 255"):
        read(tmp_path, values=(0, 2, 3))


@row(
    "Label maps", "maps of 0 and 255 only", "refused", "two classes, or unknown pixels? `values` says it"
)
def test_maps_of_two_values(tmp_path):
    folders(tmp_path, values=lambda: (labels() == 2) * np.uint8(255))
    with pytest.raises(ValueError, match=r"hold 0 and 255 only: .*set values=\[0, 255\]"):
        dataset(tmp_path, base=["car"], novel=[])
    found = read(tmp_path, base=["road"], novel=[], values=(0,))
    assert np.unique(found).tolist() == [0, 255]


@row(
    "Label maps",
    "colours (RGB), 1 to 4 bits without a palette",
    "refused",
    "no labels: save the numbers",
)
def test_colours(tmp_path):
    folders(tmp_path, save=lambda p, v: cv2.imwrite(str(p), np.repeat(v[..., None], 3, axis=2)))
    with pytest.raises(ValueError, match="has 3 channels, expected one: colours are no labels"):
        read(tmp_path)
    folders(tmp_path, save=lambda p, v: Image.fromarray(v == 1).save(p))
    with pytest.raises(ValueError, match="has 1 bits a pixel and no palette"):
        read(tmp_path)


@row(
    "Label maps",
    "names such as `a_mask.png`; pictures of any ending",
    "read",
    '`label_suffix="_mask.png"`',
)
def test_names_of_files(tmp_path):
    folders(tmp_path, suffix="_mask.png")
    np.testing.assert_array_equal(read(tmp_path, label_suffix="_mask.png"), labels())
    with pytest.raises(FileNotFoundError, match=r"3 label maps in .* have no image in .*p0_mask"):
        dataset(tmp_path)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """What a newcomer has after `make semantic` (random weights instead) and copying the configs."""
    monkeypatch.chdir(tmp_path)
    folders(tmp_path / "data" / "my_label_maps")
    custom = tmp_path / "configs" / "custom"
    custom.mkdir(parents=True)
    for name in ("_base_", "mini"):
        (tmp_path / "configs" / name).symlink_to(REPOSITORY / "configs" / name)
    for path in (REPOSITORY / "configs" / "custom").glob("my_label_maps*.py"):
        shutil.copy(path, custom)
    return tmp_path


@row("Label maps", "your own folders, for CAT-Seg, ESC-Net and Open-Vocabulary SAM", "read",
     "trained and tested with configs/custom/my_label_maps.py")  # fmt: skip
@pytest.mark.seconds
@pytest.mark.parametrize(
    ("config", "stage", "metric"),
    [
        ("my_label_maps", "catseg", "miou"),
        ("my_label_maps_escnet", "escnet", "miou"),
        ("my_label_maps_ovsam", "ovsam_rn", "iou"),
    ],
)
def test_train_and_test(project, config, stage, metric):
    folder = project / "work_dirs" / "quickstart" / "seed_0"
    model, _ = load(f"mini/{stage}", weights="none")
    save_weights(model, folder / stage / "weights.safetensors", {"config": f"mini/{stage}", "seed": "0"})
    path = str(project / "configs" / "custom" / f"{config}.py")
    if config != "my_label_maps_ovsam":
        assert main(["train", path]) == 0
        assert (folder / config / "weights.safetensors").is_file()
    assert main(["test", path]) == 0
    records = [
        json.loads(path.read_text())
        for path in project.glob(f"work_dirs/**/{config}/**/record_test*.json")
    ]
    assert records
    for record in records:
        assert metric in {name.split("/")[-1] for name in record["metrics"]}
