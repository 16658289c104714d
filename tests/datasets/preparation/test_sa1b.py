import json
import shutil
import tarfile

import pytest

from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.sa1b import prepare_sa1b
from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.datasets.tree import DataTreeError


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Two parts: a folder with sa_1 to sa_7, a tar file with sa_8 to sa_12."""
    root = tmp_path_factory.mktemp("data") / "shapes"
    write_shapes(root, ShapesPlan(size=32, train=1, val=1, test=1, distill=12))
    first, second = root / "sa1b" / "sa_000000", root / "sa1b" / "sa_000001"
    second.mkdir()
    for number in range(8, 13):
        for kind in ("jpg", "json"):
            (first / f"sa_{number}.{kind}").rename(second / f"sa_{number}.{kind}")
    with tarfile.open(second.with_suffix(".tar"), "w") as archive:
        archive.add(second, arcname=".")
    shutil.rmtree(second)
    return root / "sa1b"


@pytest.fixture
def root(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "sa1b")
    return tmp_path / "sa1b"


def prepare(root, *, parts=None, name="subset", with_pictures=False, force=False):
    options = Options(workers=2, force=force, with_pictures=with_pictures)
    return prepare_sa1b(root, options, parts, name)


def numbers(root, index):
    found = Sa1bDataset(data_root=str(root), index=index)
    return [found.get_data_info(i)["img_id"] for i in range(len(found))]


def test_index_and_list_of_all_parts_are_made(root, snapshot):
    before = snapshot(root)
    report = prepare(root, with_pictures=True)
    assert report.is_complete
    text = str(report)
    assert "sa_000000: 7 images\n" in text
    assert "sa_000001.tar: 5 images\n" in text
    assert "2 of 1,000 parts; the published 1 % is 10" in text
    assert "all 12 decode and have the right size" in text
    assert (root / "subset.txt").read_text() == "sa_000000\nsa_000001.tar\n"
    assert numbers(root, "subset.json") == list(range(1, 13))
    after = snapshot(root)
    assert before == {path: after[path] for path in before}


def test_a_subset_has_its_parts_only(root):
    prepare(root, parts=["sa_000001.tar"], name="second")
    assert numbers(root, "second.json") == list(range(8, 13))
    assert (root / "second.txt").read_text() == "sa_000001.tar\n"


def test_the_index_does_not_depend_on_the_order_of_the_names(root):
    prepare(root, parts=["sa_000001.tar", "sa_000000"], name="one")
    prepare(root, parts=["sa_000000", "sa_000001.tar"], name="two")
    assert (root / "one.json").read_text() == (root / "two.json").read_text()


def test_an_index_of_other_images_is_not_replaced_unasked(root, snapshot):
    prepare(root)
    before = snapshot(root)
    assert "already there, 12 images" in str(prepare(root))
    assert snapshot(root) == before
    (root / "sa_000000" / "sa_3.jpg").unlink()
    with pytest.raises(DataTreeError, match=r"lists other images .* --force .* --name"):
        prepare(root)
    prepare(root, force=True)
    assert numbers(root, "subset.json") == [1, 2, *range(4, 13)]
    (root / "subset.json").write_text("{")
    with pytest.raises(ValueError, match=r"subset\.json is not valid JSON .*--force"):
        prepare(root)


def test_images_without_masks_are_counted_and_stay(root):
    (root / "sa_000000" / "sa_3.json").unlink()
    (root / "sa_000000" / "sa_4.jpg").unlink()
    assert "sa_000000: 6 images, 1 of them without masks" in str(prepare(root, with_pictures=True))
    assert numbers(root, "subset.json") == [1, 2, 3, 5, 6, 7, *range(8, 13)]
    with pytest.raises(FileNotFoundError, match=r"has no sa_3\.json"):
        Sa1bDataset(data_root=str(root), index="subset.json", with_masks=True)


def test_what_is_missing_comes_with_size_and_source(tmp_path, root):
    for folder in (tmp_path / "none", tmp_path):
        [line] = prepare(folder).missing
        assert "sa_NNNNNN.tar (about 11 GB and 11,100 images each) from https://ai.meta.com" in line
    [line] = prepare(root, parts=["sa_000000", "sa_000007.tar"]).missing
    assert "1 of 2 parts" in line
    assert "sa_000007.tar" in line
    assert not (root / "subset.json").exists()


def test_broken_parts_give_no_index(root):
    (root / "sa_000002").mkdir()
    [line] = prepare(root).broken
    assert "sa_000002: no sa_*.jpg" in line
    (root / "sa_000002").rmdir()
    (root / "sa_000000" / "sa_5.jpg").write_bytes(b"")
    [line] = prepare(root).broken
    assert "empty files: sa_5.jpg" in line
    tar = root / "sa_000001.tar"
    tar.write_bytes(tar.read_bytes()[:5000])
    [line] = prepare(root).broken
    assert "sa_000001.tar" in line
    assert not (root / "subset.json").exists()


def test_broken_pictures_and_masks_are_found_on_request(root):
    path = root / "sa_000000" / "sa_5.jpg"
    path.write_bytes(path.read_bytes()[:-300])
    (root / "sa_000000" / "sa_6.json").write_text("{")
    masks = root / "sa_000000" / "sa_7.json"
    content = json.loads(masks.read_text())
    content["image"]["width"] = 31
    masks.write_text(json.dumps(content))
    [line] = prepare(root, with_pictures=True).broken
    assert "3 of 12 are broken" in line
    assert "sa_5.jpg is broken: cut short" in line
    assert "masks of sa_6.jpg cannot be read" in line
    assert "sa_7.jpg has (h, w) = (32, 32), its annotations say (32, 31)" in line
    assert not (root / "subset.json").exists()
    assert prepare(root).is_complete


def test_an_image_in_two_parts_is_refused(root):
    shutil.copytree(root / "sa_000000", root / "sa_000005")
    [line] = prepare(root).broken
    assert "occurs twice" in line
    assert prepare(root, parts=["sa_000000", "sa_000001.tar"]).is_complete


def test_nonsense_is_refused(root):
    with pytest.raises(ValueError, match="parts are named twice: sa_000000"):
        prepare(root, parts=["sa_000000", "sa_000000"])
    for name in ("../x", "a/b", "", ".x", "sa_1"):
        with pytest.raises(ValueError, match="plain file name"):
            prepare(root, name=name)
