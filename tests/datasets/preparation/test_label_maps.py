"""Writing of label maps: resumable, complete or refused, originals untouched."""

from dataclasses import replace

import numpy as np
import pytest

from ovsam.datasets.label_maps import read_label_map, write_label_map
from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.label_maps import ValueTable, write_label_maps
from ovsam.datasets.semseg_specs import get_spec
from ovsam.datasets.tree import DataTreeError, read_manifest

SPEC = replace(get_spec("a150"), images="img", labels="maps", num_images=3)
STEMS = ["a", "b", "c"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "img").mkdir()
    for stem in STEMS:
        (tmp_path / "img" / f"{stem}.jpg").touch()
    return tmp_path


def convert(stem):
    return np.full((2, 3), ord(stem) - 97, np.uint8)


def write(root, stems=STEMS, function=convert, **options):
    return write_label_maps(SPEC, root, stems, function, Options(**options))


def test_writes_all_and_says_what_is_there(root):
    line = write(root, workers=2)
    assert "3 label maps; 3 of 150 classes occur" in line
    assert (read_label_map(root / "maps" / "c.png") == 2).all()
    manifest = read_manifest(root / "maps")
    assert manifest["is_complete"]
    assert manifest["images_with_class"]["sky"] == 1


def test_goes_on_where_a_killed_run_stopped(root):
    def killed(stem):
        if stem == "c":
            raise KeyboardInterrupt
        return convert(stem)

    with pytest.raises(KeyboardInterrupt):
        write(root, function=killed)
    assert not read_manifest(root / "maps")["is_complete"]
    seen = []
    line = write(root, function=lambda stem: seen.append(stem) or convert(stem))
    assert seen == ["c"]
    assert "2 of them were there" in line
    assert read_manifest(root / "maps")["is_complete"]


def test_finished_folder_is_left_as_it_is(root):
    write(root)
    before = {path.name: path.stat().st_mtime_ns for path in (root / "maps").iterdir()}
    write(root, function=lambda stem: pytest.fail("converted again"))
    assert {path.name: path.stat().st_mtime_ns for path in (root / "maps").iterdir()} == before


def test_force_writes_all_anew(root):
    write(root)
    write(root, function=lambda stem: convert("b"), force=True)
    assert (read_label_map(root / "maps" / "c.png") == 1).all()


@pytest.mark.parametrize("any_number", [False, True])
def test_part_of_a_split(root, any_number):
    if any_number:
        assert "2 label maps" in write(root, ["a", "b"], any_number=True)
        return
    with pytest.raises(DataTreeError, match=r"A-150 has 3 images, found 2: .*--any-number"):
        write(root, ["a", "b"])


def test_missing_image(root):
    (root / "img" / "b.jpg").unlink()
    with pytest.raises(DataTreeError, match=r"1 of 3 images are missing in .*img, such as b\.jpg"):
        write(root)
    assert not (root / "maps").exists()


def test_folder_of_someone_else(root):
    write_label_map(root / "maps" / "a.png", convert("a"))
    with pytest.raises(DataTreeError, match="this command did not write them"):
        write(root)


def test_maps_that_the_archive_lacks(root):
    write(root)
    write_label_map(root / "maps" / "z.png", convert("a"))
    with pytest.raises(DataTreeError, match=r"1 label maps of images that the archive lacks.*z\.png"):
        write(root)


def test_damaged_map_is_found_on_the_next_run(root):
    write(root)
    content = (root / "maps" / "b.png").read_bytes()
    (root / "maps" / "b.png").write_bytes(content[:30])
    with pytest.raises(ValueError, match=r"b\.png is broken.*--force"):
        write(root)


def test_value_table(root):
    table = ValueTable({1: 0, 2: 1, 5: 2}, [0, 255], SPEC)
    labels = table(np.array([[0, 1, 2], [5, 255, 5]]), root)
    assert labels.tolist() == [[255, 0, 1], [2, 255, 2]]
    assert labels.dtype == np.uint8
    for wrong in (3, 256, -1):
        with pytest.raises(
            DataTreeError, match=rf"the value {wrong}, expected 1\.\.5 \(3 classes\) or 0"
        ):
            table(np.array([[0, wrong]]), root)


def test_16_bits_reach_all_labels(root):
    table = ValueTable({i + 1: i for i in range(459)}, [0], get_spec("pc459"))
    assert table(np.array([[459, 0, 300]]), root).tolist() == [[458, 459, 299]]
    assert table(np.array([[1]]), root).dtype == np.uint16
