import json

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.transforms.geometry import RandomFlip, RandomResizeCrop, ResizeLongSide
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.packing import PackPromptInputs
from ovsam.datasets.transforms.prompts import DrawPrompts

BASE, NOVEL, UNUSED = 3, 6, 9  # labels
PIPELINE = [
    dict(type=LoadImage),
    dict(type=LoadInstances),
    dict(type=RandomFlip),
    dict(type=ResizeLongSide, size=24),
    dict(type=DrawPrompts, kind="mixed", num_boxes=3, num_points=2),
    dict(type=PackPromptInputs),
]


def dataset(root, **changes):
    arguments = dict(
        ann_file="ann.json",
        data_root=str(root),
        data_prefix=dict(img="img"),
        vocabulary="shapes",
        pipeline=PIPELINE,
    )
    return CocoPromptDataset(**{**arguments, **changes})


def assert_equal(first, second):
    """Items are equal down to the last number."""
    torch.testing.assert_close(first["inputs"], second["inputs"], rtol=0, atol=0)
    first, second = first["data_samples"], second["data_samples"]
    assert first.metainfo == second.metainfo
    torch.testing.assert_close(first.prompts.coordinates, second.prompts.coordinates, rtol=0, atol=0)
    for key, value in first.gt_instances.items():
        torch.testing.assert_close(value, second.gt_instances[key], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("keep", "images", "labels"),
    [
        ("base", [11, 17], {BASE}),
        ("novel", [11, 12], {NOVEL}),
        ("evaluated", [11, 12, 17], {BASE, NOVEL}),
        ("all", [11, 12, 15, 17], {BASE, NOVEL, UNUSED}),
    ],
)
def test_keep_decides_images_and_labels(make_coco, keep, images, labels):
    found = dataset(make_coco(), keep=keep)
    infos = [found.get_data_info(i) for i in range(len(found))]
    assert [info["img_id"] for info in infos] == images
    assert {i["label"] for info in infos for i in info["instances"]} == labels


def test_unknown_group_and_unknown_vocabulary_are_refused(make_coco):
    with pytest.raises(ValueError, match="unknown keep 'basis'; expected one of base, novel"):
        dataset(make_coco(), keep="basis")
    with pytest.raises(ValueError, match="unknown vocabulary 'shape'"):
        dataset(make_coco(), vocabulary="shape")


def test_empty_images_stay_on_request(make_coco):
    found = dataset(make_coco(), keep="base", drop_empty=False)
    assert [found.get_data_info(i)["img_id"] for i in range(len(found))] == [11, 12, 15, 17]
    assert found.skipped == {"other classes": 3}


def test_metainfo_has_what_a_metric_needs(make_coco):
    meta = dataset(make_coco()).metainfo
    assert meta["base"] == sorted(meta["base"]) == meta["vocabulary"]["base"]
    assert (len(meta["base"]), len(meta["novel"])) == (48, 17)
    assert meta["vocabulary"]["name"] == "shapes"
    assert meta["vocabulary"]["classes"][13] == ["orange star"]
    json.dumps(meta)


def test_poisoned_novel_annotations_change_nothing_in_base_training(
    make_coco, coco_content, make_annotation
):
    clean = dataset(make_coco(), keep="base", seed=3)
    items = [clean[i] for i in range(len(clean))]
    poisoned = coco_content
    for row in poisoned["annotations"]:
        if row["category_id"] == NOVEL + 1:
            row.update(bbox=[0, 0, 30, 20], iscrowd=1, segmentation=[[9, 9, 9, 9, 9, 9]], category_id=8)
    poisoned["annotations"] += [make_annotation(20 + i, 15, NOVEL, (1, 1, 5, 5)) for i in range(4)]
    after = dataset(make_coco(poisoned), keep="base", seed=3)
    assert len(after) == len(clean)
    for index, item in enumerate(items):
        assert_equal(after[index], item)


def test_a_sample_depends_on_seed_epoch_and_image_only(make_coco):
    root = make_coco()
    first, second = dataset(root, seed=7), dataset(root, seed=7)
    for index in (2, 0, 1):  # another order
        first[index]
    assert_equal(first[0], second[0])
    seeds = set()
    for seed, epoch in ((7, 0), (7, 1), (8, 0)):
        found = dataset(root, seed=seed)
        found.set_epoch(epoch)
        seeds |= {found[index]["data_samples"].sample_seed for index in range(4)}
    assert len(seeds) == 12


def test_in_test_mode_the_epoch_does_not_count(make_coco):
    found = dataset(make_coco(), test_mode=True)
    before = found[0]
    found.set_epoch(5)
    assert_equal(found[0], before)


def test_living_workers_see_the_epoch(make_coco):
    found = dataset(make_coco(), seed=1)
    loader = DataLoader(found, num_workers=1, persistent_workers=True, collate_fn=pseudo_collate)
    for epoch in (0, 3):
        found.set_epoch(epoch)
        seeds = [batch["data_samples"][0].sample_seed for batch in loader]
        assert seeds == [found[i]["data_samples"].sample_seed for i in range(len(found))]


def test_cached_pictures_give_the_same_items(make_coco):
    root = make_coco()
    plain, cached = dataset(root, seed=2), dataset(root, seed=2, cache_images=True)
    for _ in range(2):
        for index in range(len(plain)):
            item = cached[index]
            assert_equal(item, plain[index])
            item["inputs"].zero_()  # whoever changes an item must not change the cache


def test_an_image_left_empty_is_replaced_the_same_way_every_time(make_coco):
    # A window of 6 px of an image 60 times larger: the small objects are nearly always outside.
    pipeline = [
        dict(type=LoadImage),
        dict(type=LoadInstances),
        dict(type=RandomResizeCrop, size=6, ratio_range=(10.0, 11.0), min_mask_area=4),
        dict(type=DrawPrompts, kind="box"),
        dict(type=PackPromptInputs),
    ]
    root = make_coco()
    ids = [dataset(root, pipeline=pipeline)[2]["data_samples"].img_id for _ in range(3)]
    assert len(set(ids)) == 1
    drawn = set()
    for seed in range(12):
        found = dataset(root, pipeline=pipeline, seed=seed)
        drawn |= {found[0]["data_samples"].img_id, found[2]["data_samples"].img_id}
    assert len(drawn) > 1


def test_missing_files_name_the_command(make_coco, tmp_path):
    root = make_coco()
    with pytest.raises(FileNotFoundError, match=r"run `python tools/prepare_data\.py shapes`"):
        dataset(root, ann_file="none.json")
    with pytest.raises(FileNotFoundError, match=r"image folder .*nowhere does not exist; run"):
        dataset(root, data_prefix=dict(img="nowhere"))
    found = dataset(root)
    (tmp_path / "img" / "12.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"12\.png does not exist"):
        found[1]


def test_nothing_to_keep_is_an_error(make_coco):
    with pytest.raises(
        ValueError, match="no image with an instance to keep; left out: 6 boxes with a side"
    ):
        dataset(make_coco(), min_box_side=100)


def test_reading_prints_nothing_on_stdout(make_coco, capfd):
    dataset(make_coco())[0]
    assert np.char.count(capfd.readouterr().out, "creating index").sum() == 0
