import json
import shutil
import tarfile

import pytest
import torch

from ovsam.datasets import sa1b
from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.sa1b_index import describe_parts
from ovsam.datasets.shapes.world import draw_scene
from ovsam.datasets.shapes.writer import ShapesPlan, write_shapes
from ovsam.datasets.transforms.geometry import ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs

IMAGES_ONLY = [dict(type=LoadImage), dict(type=ResizeLongSide, size=40), dict(type=PackPromptInputs)]
WITH_MASKS = [dict(type=LoadImage), dict(type=LoadInstances), dict(type=PackPromptInputs)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "shapes"
    write_shapes(root, ShapesPlan(size=48, train=1, val=1, test=1, distill=12))
    return root / "sa1b"


@pytest.fixture
def root(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "sa1b")
    return tmp_path / "sa1b"


def pack(folder):
    """Replace a folder by the tar file that SA-1B would be released as."""
    with tarfile.open(folder.with_suffix(".tar"), "w") as archive:
        archive.add(folder, arcname=".")
    shutil.rmtree(folder)


def test_images_come_by_number(root):
    found = Sa1bDataset(data_root=str(root), pipeline=IMAGES_ONLY)
    assert [found[i]["data_samples"].img_id for i in range(12)] == list(range(1, 13))
    assert found[0]["inputs"].shape == (3, 40, 40)
    assert "gt_instances" not in found[0]["data_samples"]


def test_masks_are_those_that_were_drawn_and_have_no_class(root):
    found = Sa1bDataset(data_root=str(root), with_masks=True, pipeline=WITH_MASKS)
    instances = found[10]["data_samples"].gt_instances
    scene = draw_scene(seed=0, split="distill", index=10, size=48)
    torch.testing.assert_close(instances.masks, torch.from_numpy(scene.masks))
    assert instances.labels.tolist() == [-1] * len(scene.looks)


def test_a_tar_file_gives_the_same_items_as_the_folder(root):
    before = Sa1bDataset(data_root=str(root), with_masks=True, pipeline=WITH_MASKS)
    items = [before[i] for i in range(12)]
    pack(root / "sa_000000")
    after = Sa1bDataset(data_root=str(root), with_masks=True, pipeline=WITH_MASKS)
    for index, item in enumerate(items):
        torch.testing.assert_close(after[index]["inputs"], item["inputs"], rtol=0, atol=0)
        masks = after[index]["data_samples"].gt_instances.masks
        torch.testing.assert_close(masks, item["data_samples"].gt_instances.masks)
    assert after[0]["data_samples"].img_path.endswith("sa_000000.tar/sa_1.jpg")


def test_parts_can_be_chosen(root):
    shutil.copytree(root / "sa_000000", root / "sa_000001")
    assert len(Sa1bDataset(data_root=str(root), parts=["sa_000001"])) == 12
    with pytest.raises(ValueError, match=r"sa_\d+\.jpg occurs twice|sa_\d+\.json occurs twice"):
        Sa1bDataset(data_root=str(root))


def index_of(root, *parts):
    """Write an index as `prepare_data sa1b` does; returns its name."""
    content = describe_parts([root / part for part in parts])
    (root / "subset.json").write_text(json.dumps(content))
    return "subset.json"


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_index_gives_the_same_items_as_looking_for_the_files(root, is_packed):
    part = "sa_000000"
    if is_packed:
        pack(root / part)
        part += ".tar"
    looked_for = Sa1bDataset(data_root=str(root), with_masks=True, pipeline=WITH_MASKS)
    items = [looked_for[i] for i in range(12)]
    indexed = Sa1bDataset(
        data_root=str(root), index=index_of(root, part), with_masks=True, pipeline=WITH_MASKS
    )
    assert len(indexed) == 12
    for index, item in enumerate(items):
        found = indexed[index]
        torch.testing.assert_close(found["inputs"], item["inputs"], rtol=0, atol=0)
        assert found["data_samples"].metainfo == item["data_samples"].metainfo
        masks = found["data_samples"].gt_instances.masks
        torch.testing.assert_close(masks, item["data_samples"].gt_instances.masks)


def test_an_index_holds_its_own_parts_and_images_only(root):
    index = index_of(root, "sa_000000")
    (root / "sa_000001").mkdir()
    shutil.copy(root / "sa_000000" / "sa_1.jpg", root / "sa_000001" / "sa_99.jpg")
    shutil.copy(root / "sa_000000" / "sa_1.jpg", root / "sa_000000" / "sa_77.jpg")
    assert len(Sa1bDataset(data_root=str(root), index=index)) == 12
    assert len(Sa1bDataset(data_root=str(root))) == 14
    with pytest.raises(ValueError, match="give index or parts, not both"):
        Sa1bDataset(data_root=str(root), index=index, parts=["sa_000001"])


def test_an_index_that_does_not_fit_is_refused(root):
    pack(root / "sa_000000")
    index = index_of(root, "sa_000000.tar")
    tar = root / "sa_000000.tar"
    whole = tar.read_bytes()
    tar.write_bytes(whole[:-512])
    with pytest.raises(ValueError, match=r"sa_000000\.tar has .* bytes, subset\.json was made of"):
        Sa1bDataset(data_root=str(root), index=index)
    tar.unlink()
    with pytest.raises(FileNotFoundError, match=r"subset\.json needs .*sa_000000\.tar, which does not"):
        Sa1bDataset(data_root=str(root), index=index)
    tar.write_bytes(whole)
    content = json.loads((root / index).read_text())
    content["parts"][0]["files"].pop()
    (root / index).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"was changed after it was made; run .*sa1b` --force"):
        Sa1bDataset(data_root=str(root), index=index)
    for text, message in (("{", "not valid JSON"), ("[]", "no index of format 1")):
        (root / index).write_text(text)
        with pytest.raises(ValueError, match=message):
            Sa1bDataset(data_root=str(root), index=index)
    with pytest.raises(FileNotFoundError, match=r"none\.json does not exist; run .*sa1b`, which makes"):
        Sa1bDataset(data_root=str(root), index="none.json")


def test_an_image_that_went_away_since_the_index_is_named(root):
    found = Sa1bDataset(data_root=str(root), index=index_of(root, "sa_000000"), pipeline=IMAGES_ONLY)
    (root / "sa_000000" / "sa_3.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"sa_3\.jpg does not exist any more"):
        found[2]


def test_lists_beside_the_parts_are_no_parts(root):
    (root / "sa_files.txt").write_text("sa_000000")
    assert len(Sa1bDataset(data_root=str(root))) == 12


def test_masks_without_area_are_left_out_and_reported(root, monkeypatch):
    lines = []
    monkeypatch.setattr(sa1b, "print_log", lambda text, *_: lines.append(text))
    path = root / "sa_000000" / "sa_2.json"
    content = json.loads(path.read_text())
    number = len(content["annotations"])
    content["annotations"][0]["bbox"] = [3, 4, 0, 5]
    path.write_text(json.dumps(content))
    found = Sa1bDataset(data_root=str(root), with_masks=True, pipeline=WITH_MASKS)
    assert len(found[1]["data_samples"].gt_instances) == number - 1
    assert len(lines) == 1
    assert f"sa_2.jpg: 1 of {number} masks left out" in lines[0]


def test_missing_things_are_named(root):
    with pytest.raises(FileNotFoundError, match=r"prepare_data.py shapes"):
        Sa1bDataset(data_root=str(root / "nowhere"))
    with pytest.raises(FileNotFoundError, match="sa_000009 is neither a folder nor a tar file"):
        Sa1bDataset(data_root=str(root), parts=["sa_000009"])
    (root / "sa_000000" / "sa_3.json").unlink()
    Sa1bDataset(data_root=str(root))  # images alone need no masks
    with pytest.raises(FileNotFoundError, match=r"sa_3\.json"):
        Sa1bDataset(data_root=str(root), with_masks=True)
    (root / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no sa_\*\.jpg"):
        Sa1bDataset(data_root=str(root), parts=["empty"])


def test_cut_tar_file_is_refused(root):
    pack(root / "sa_000000")
    path = root / "sa_000000.tar"
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        ends = [-(-(m.offset_data + m.size) // 512) * 512 for m in archive]
    # Inside a file, between two files, inside the next one's header, after the last file.
    for num_bytes in (ends[4] - 700, ends[4], ends[4] + 100, ends[-1]):
        path.write_bytes(whole[:num_bytes])
        with pytest.raises(ValueError, match=r"sa_000000\.tar is (cut short|broken)"):
            Sa1bDataset(data_root=str(root))
    path.write_bytes(b"no tar file at all")
    with pytest.raises(ValueError, match=r"sa_000000\.tar is cut short, broken or no plain tar"):
        Sa1bDataset(data_root=str(root))


def test_broken_masks_name_the_image(root):
    path = root / "sa_000000" / "sa_1.json"
    content = json.loads(path.read_text())
    for broken in ("{", json.dumps({"image": {}}), json.dumps({**content, "annotations": [{"id": 1}]})):
        path.write_text(broken)
        found = Sa1bDataset(data_root=str(root), with_masks=True, pipeline=WITH_MASKS)
        with pytest.raises(ValueError, match=r"masks of .*sa_1\.jpg cannot be read"):
            found[0]
