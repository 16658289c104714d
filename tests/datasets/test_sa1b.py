import json
import shutil
import tarfile

import pytest
import torch

from ovsam.datasets.sa1b import Sa1bDataset
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
    assert instances.labels.tolist() == [-1] * len(scene.labels)


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
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"sa_000000\.tar"):
        Sa1bDataset(data_root=str(root))


def test_broken_masks_name_the_image(root):
    path = root / "sa_000000" / "sa_1.json"
    content = json.loads(path.read_text())
    for broken in ("{", json.dumps({"image": {}}), json.dumps({**content, "annotations": [{"id": 1}]})):
        path.write_text(broken)
        found = Sa1bDataset(data_root=str(root), with_masks=True, pipeline=WITH_MASKS)
        with pytest.raises(ValueError, match=r"masks of .*sa_1\.jpg cannot be read"):
            found[0]
