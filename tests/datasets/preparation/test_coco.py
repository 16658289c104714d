import pytest

from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.coco import check_coco


def check(root, *splits, with_pictures=False):
    options = Options(workers=2, with_pictures=with_pictures)
    return check_coco(root, options, splits or ("train", "val"))


def test_a_whole_tree_is_complete_and_counted(coco_root, snapshot):
    before = snapshot(coco_root)
    report = check(coco_root, with_pictures=True)
    assert report.is_complete
    text = str(report)
    assert "3 images, 6 annotations (changed: published are 118,287 and 860,001)" in text
    assert "instances: 3 base, 2 novel, 1 unused" in text
    assert "train2017: all 3 pictures of annotations/instances_train2017.json" in text
    assert "pictures of annotations/instances_val2017.json: all 2 decode and have the right size" in text
    assert snapshot(coco_root) == before


def test_what_is_missing_comes_with_size_and_source(tmp_path):
    report = check(tmp_path / "coco")
    assert not report.is_complete
    assert not report.broken
    assert len(report.missing) == 4
    text = "\n".join(report.missing)
    for part in (
        "train2017, 118,287 pictures: unpack train2017.zip (18 GB) from http://images.cocodataset.org/zips/",
        "val2017, 5,000 pictures: unpack val2017.zip (1 GB)",
        "instances_train2017.json: unpack annotations_trainval2017.zip (241 MB) from http",
    ):
        assert part in text


def test_only_the_wanted_split_is_looked_for(coco_root):
    (coco_root / "annotations" / "instances_train2017.json").unlink()
    assert check(coco_root, "val").is_complete
    assert len(check(coco_root).missing) == 1


def test_lost_pictures_are_named(coco_root):
    (coco_root / "train2017" / "000000000002.jpg").unlink()
    [line] = check(coco_root).missing
    assert "1 of the 3 pictures" in line
    assert "(000000000002.jpg): train2017.zip (18 GB)" in line


def test_broken_pictures_are_found_on_request(coco_root, change):
    path = coco_root / "train2017" / "000000000001.jpg"
    path.write_bytes(path.read_bytes()[:-20])
    (coco_root / "train2017" / "000000000003.jpg").write_bytes(b"")
    file = coco_root / "annotations" / "instances_train2017.json"
    change(file, lambda content: content["images"][1].update(height=19))
    assert check(coco_root).is_complete
    [line] = check(coco_root, with_pictures=True).broken
    assert "3 of 3 are broken" in line
    assert "000000000001.jpg is broken: cut short" in line
    assert "000000000002.jpg has (h, w) = (20, 30), its annotations say (19, 30)" in line
    assert "000000000003.jpg is broken: an empty file" in line


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda c: c["annotations"][0].update(category_id=12), "category id 12, which vocabulary"),
        (lambda c: c["annotations"][0].update(image_id=77), "image 77, which is not listed"),
        (lambda c: c["categories"].clear() or c.pop("images"), "no lists `images` and `annotations`"),
        (
            lambda c: [row.update(name=f"thing {row['id']}") for row in c["categories"]],
            "not of vocabulary 'coco_48_17': 80 of 80 categories have other names",
        ),
        (
            lambda c: c["annotations"][0].update(segmentation={"size": [20, 30], "counts": [7]}),
            "run lengths sum to 7",
        ),
    ],
)
def test_broken_annotations_are_refused_with_their_source(coco_root, change, function, message):
    change(coco_root / "annotations" / "instances_train2017.json", function)
    [line] = check(coco_root).broken
    assert message in line
    assert "annotations_trainval2017.zip" in line


def test_cut_annotations_are_refused(coco_root):
    path = coco_root / "annotations" / "instances_val2017.json"
    path.write_text(path.read_text()[:100])
    [line] = check(coco_root).broken
    assert "not valid JSON" in line


def test_what_the_reader_leaves_out_is_counted(coco_root, change):
    def spoil(content):
        rows = content["annotations"]
        rows[0]["segmentation"] = [[5, 5, 5, 5, 5, 5]]  # three points, no pixel
        rows[1]["segmentation"] = []
        rows[2]["bbox"] = [2, 3, 0, 5]
        rows[3]["iscrowd"] = 1

    change(coco_root / "annotations" / "instances_train2017.json", spoil)
    report = check(coco_root, "train")
    assert report.is_complete
    text = str(report)
    for reason in (
        "1 masks without a pixel",
        "1 segmentations without content",
        "1 boxes without area",
        "1 crowd regions",
    ):
        assert reason in text
    assert "instances: 0 base, 1 novel, 1 unused" in text


def test_real_photographs_pass(shared, tmp_path):
    mini = shared / "data" / "coco_mini"
    (tmp_path / "annotations").symlink_to(mini / "annotations")
    for split in ("train2017", "val2017"):
        (tmp_path / split).symlink_to(mini / "images" / split)
    report = check(tmp_path, with_pictures=True)
    assert report.is_complete
    assert "instances: 125 base, 29 novel, 26 unused" in str(report)
    assert "instances: 145 base, 11 novel, 16 unused" in str(report)
