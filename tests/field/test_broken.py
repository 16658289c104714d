"""Single broken entries among good ones, with `on_error='skip'`: each test is a row of docs/files.md."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from ovsam.benchmark.records import Record
from ovsam.cli import main
from ovsam.datasets import broken, coco_ov
from ovsam.datasets.box_crops import BoxCropDataset
from ovsam.datasets.boxed_pictures import BoxedPictureDataset
from ovsam.datasets.broken import find_broken, report_left_out, scan
from ovsam.datasets.detections import DetectionDataset
from ovsam.datasets.label_maps import write_label_map
from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.semseg import SemsegDataset
from ovsam.datasets.semseg_specs import label_maps
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.transforms.semantic import LoadSemantic
from tests.field.made import HEIGHT, WIDTH, annotation, content, dataset, picture
from tests.field.page import row
from tests.reliability.broken_images import WAYS

SKIPPED = "left out, counted"
NUMBER = 5


@pytest.fixture
def told(monkeypatch):
    """All that was logged of broken entries."""
    lines = []
    for module in (broken, coco_ov):
        monkeypatch.setattr(module, "print_log", lambda text, *_: lines.append(text))
    return lambda: "\n".join(lines)


@pytest.fixture
def root(tmp_path):
    """A data set of five pictures, each with its object, and the file that lists them."""
    found = content([])
    found["images"] = [
        {"id": n, "file_name": f"{n}.png", "height": HEIGHT, "width": WIDTH} for n in range(NUMBER)
    ]
    found["annotations"] = [annotation(id=10 + n, image_id=n) for n in range(NUMBER)]
    for n in range(NUMBER):
        cv2.imwrite(str(tmp_path / f"{n}.png"), picture())
    (tmp_path / "ann.json").write_text(json.dumps(found))
    return tmp_path


def changed(root, **changes):
    """Change the second annotation."""
    found = json.loads((root / "ann.json").read_text())
    found["annotations"][1].update(changes)
    (root / "ann.json").write_text(json.dumps(found))


def ids_of(data):
    return [data.image_id(index) for index in range(len(data))]


@row("Broken data", "a picture that is cut, missing, empty, no picture or of another size", SKIPPED,
     "the log names the first five")  # fmt: skip
@pytest.mark.parametrize("way", WAYS)
def test_broken_pictures(root, told, way):
    WAYS[way](root / "3.png")
    data = dataset(root / "ann.json", on_error="skip")
    assert ids_of(data) == [0, 1, 2, 4]
    assert data[3]["data_samples"].img_id == 4
    assert data.skipped == {"broken images": 1}
    assert "ann.json: 1 of 5 images are broken and left out (on_error='skip'): image" in told()
    assert "3.png" in told()
    with pytest.raises((ValueError, OSError), match=r"3\.png"):
        dataset(root / "ann.json")[3]


@row("Broken data", "an annotation that is refused: its code, polygon, category, image or id", SKIPPED,
     "its picture stays, if it has others")  # fmt: skip
@pytest.mark.parametrize(
    "changes",
    [
        {"segmentation": {"size": [HEIGHT, WIDTH], "counts": "0"}},
        {"segmentation": [[1, 2, float("nan"), 4, 5, 6]]},
        {"segmentation": "1,2,3"},
        {"category_id": 99},
        {"image_id": 99},
        {"id": 10},
    ],
)
def test_broken_annotations(root, told, changes):
    changed(root, **changes)
    data = dataset(root / "ann.json", on_error="skip")
    assert ids_of(data) == [0, 2, 3, 4]
    assert data.skipped == {"broken annotations": 1, "images without instances": 1}
    assert "ann.json: 1 of 5 annotations are broken and left out (on_error='skip'): annotation" in told()
    with pytest.raises(ValueError, match=r"ann\.json: annotation"):
        dataset(root / "ann.json")


@row("Broken data", "more than half of the pictures, or of the annotations", "refused",
     "then it is another folder or file than was meant")  # fmt: skip
def test_more_than_half(root):
    for n in (0, 1, 2):
        (root / f"{n}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"3 of 5 images are broken: .*is it the right folder"):
        dataset(root / "ann.json", on_error="skip")
    (root / "2.png").write_bytes((root / "3.png").read_bytes())
    assert ids_of(dataset(root / "ann.json", on_error="skip")) == [2, 3, 4]
    found = json.loads((root / "ann.json").read_text())
    for one in found["annotations"][:3]:
        one["segmentation"] = 5
    (root / "ann.json").write_text(json.dumps(found))
    with pytest.raises(ValueError, match=r"3 of 5 annotations are broken"):
        dataset(root / "ann.json", on_error="skip")


@row("Broken data", "a picture that breaks after the data set was opened", "refused",
     "what is left out is decided once, before the first sample")  # fmt: skip
def test_a_picture_that_breaks_later(root):
    data = dataset(root / "ann.json", on_error="skip")
    assert data.skipped == {}
    (root / "3.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"3\.png is broken: an empty file"):
        data[3]
    assert ids_of(dataset(root / "ann.json", on_error="skip")) == [
        0,
        1,
        2,
        4,
    ]  # another time of the file


@row("Broken data", "another word than `raise` or `skip`", "refused", "a misspelt one is no choice")
def test_another_word(root):
    with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip', got 'ignore'"):
        dataset(root / "ann.json", on_error="ignore")


@row("Broken data", "a broken image of a test", SKIPPED,
     "the record says how many; published tables refuse it")  # fmt: skip
def test_a_record_says_it(root):
    (root / "3.png").write_bytes(b"")
    boxes = root / "boxes.json"
    boxes.write_text(
        json.dumps([dict(image_id=n, category_id=1, bbox=[1, 2, 3, 4], score=1) for n in (2, 3)])
    )
    found = json.loads((root / "ann.json").read_text())
    (root / "ann.json").write_text(json.dumps({**found, "categories": []}))
    data = DetectionDataset(
        ann_file=str(root / "ann.json"),
        data_prefix=dict(img=str(root)),
        vocabulary="shapes",
        detections=str(boxes),
        pipeline=[dict(type=LoadImage)],
        on_error="skip",
    )
    assert ids_of(data) == [0, 1, 2, 4]
    assert data.skipped == {"broken images": 1}
    record = Record.of_run(
        config="mini/a", config_digest="a" * 64, method="A", seed=0, prompts="box", dataset="d",
        data_sha256="b" * 64, metrics={"num_images": 4}, weights={"w": "c" * 64}, complexity=None,
        started="2024", seconds=1.0,
    )  # fmt: skip
    record.provenance.update(commit="d" * 40, dirty=False, hardware="h")
    assert record.blemish == ""
    record.provenance["left_out"] = data.skipped
    assert record.blemish == "the data were not whole: {'broken images': 1} left out"


@pytest.fixture
def maps(tmp_path):
    """Four pictures with label maps of 2 classes."""
    (tmp_path / "images").mkdir()
    for n in range(4):
        cv2.imwrite(str(tmp_path / "images" / f"{n}.jpg"), picture())
        write_label_map(tmp_path / "labels" / f"{n}.png", np.full((HEIGHT, WIDTH), n % 2, np.uint8))
    return tmp_path


@row("Broken data", "a label map that is cut, alone, of another size, or with other values", SKIPPED,
     "with its picture")  # fmt: skip
@pytest.mark.parametrize("way", ["cut", "size", "value", "colours", "alone"])
def test_broken_label_maps(maps, told, way):
    path = maps / "labels" / "2.png"
    if way == "cut":
        path.write_bytes(path.read_bytes()[:50])
    elif way == "alone":
        (maps / "images" / "2.jpg").unlink()
    elif way == "colours":
        cv2.imwrite(str(path), picture())
    else:
        values = np.full((HEIGHT, WIDTH), 7) if way == "value" else np.zeros((5, 7))
        write_label_map(path, values.astype(np.uint8))
    spec = dict(
        type=label_maps, name="mine", base=["cat", "dog"], root=str(maps),
        images="images", labels="labels",
    )  # fmt: skip
    options = dict(spec=spec, pipeline=[dict(type=LoadImage), dict(type=LoadSemantic)])
    data = SemsegDataset(**options, on_error="skip")
    assert ids_of(data) == ["0", "1", "3"]
    assert list(data.skipped.values()) == [1]
    assert "1 of 4" in told()
    with pytest.raises((ValueError, OSError)):
        [*map(SemsegDataset(**options).__getitem__, range(4))]


@row(
    "Broken data", "SA-1B: masks of an image that are broken, or not there", SKIPPED, "with their image"
)
@pytest.mark.parametrize("text", ["{", "{}", '{"image": {"height": 60, "width": 100}}', None, "changed"])
def test_broken_masks_of_sa1b(tmp_path, told, text):
    part = tmp_path / "sa_000000"
    part.mkdir()
    whole = {"image": {"height": HEIGHT, "width": WIDTH}, "annotations": [annotation()]}
    for n in range(1, 5):
        cv2.imwrite(str(part / f"sa_{n}.jpg"), picture())
        (part / f"sa_{n}.json").write_text(json.dumps(whole))
    if text is None:
        (part / "sa_3.json").unlink()
    else:
        whole["annotations"][0]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": "0"}
        (part / "sa_3.json").write_text(json.dumps(whole) if text == "changed" else text)
    pipeline = [dict(type=LoadImage), dict(type=LoadInstances)]
    options = dict(data_root=str(tmp_path), with_masks=True, pipeline=pipeline)
    data = Sa1bDataset(**options, on_error="skip")
    assert ids_of(data) == [1, 2, 4]
    assert list(data.skipped.values()) == [1]
    assert "sa_3" in told()
    with pytest.raises((ValueError, OSError), match="sa_3"):
        [*map(Sa1bDataset(**options).__getitem__, range(4))]


@row("Broken data", "a broken picture of the data that a CLIP is trained and judged on", SKIPPED,
     "`BoxedImages` keep the others in memory")  # fmt: skip
def test_broken_pictures_of_crops(root, told):
    (root / "3.png").write_bytes(b"")
    places = dict(annotation_file=str(root / "ann.json"), image_folder=str(root))
    crops = BoxCropDataset(**places, crop_size=8, on_error="skip")
    pictures = BoxedPictureDataset(**places, on_error="skip")
    assert (len(crops), len(pictures)) == (4, 4)
    assert crops.skipped == pictures.skipped == {"broken images": 1}
    assert "1 of 5 images are broken" in told()
    with pytest.raises(ValueError, match=r"3\.png is broken"):
        BoxCropDataset(**places, crop_size=8)


@row("Broken data", "such data with ids that are missing, twice or of nothing", "refused",
     "which one is right, nobody knows")  # fmt: skip
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), "expected lists images, annotations, categories"),
        (lambda c: c["images"].append(5), "expected lists images, annotations, categories"),
        (lambda c: c["images"].append(c["images"][0]), r"ids of images occur twice: \[0\]"),
        (lambda c: c["annotations"][0].pop("bbox"), "one of its annotations lacks bbox"),
        (lambda c: c["annotations"][0].update(image_id=77), r"annotations \[10\] belong to images"),
    ],
)
def test_ids_of_a_file_for_crops(root, change, message):
    found = json.loads((root / "ann.json").read_text())
    change(found)
    (root / "ann.json").write_text(json.dumps(found))
    with pytest.raises(ValueError, match=message):
        BoxCropDataset(annotation_file=str(root / "ann.json"), image_folder=str(root), crop_size=8)


@row("Broken data", "an image that is listed twice, or of no id, size or name", "refused",
     "also with `skip`: which one is right, nobody knows")  # fmt: skip
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_images_listed_twice(root, on_error):
    found = json.loads((root / "ann.json").read_text())
    found["images"].append(found["images"][0])
    (root / "ann.json").write_text(json.dumps(found))
    with pytest.raises(ValueError, match=r"ann\.json: image id 0 occurs twice"):
        dataset(root / "ann.json", on_error=on_error)
    del found["images"][-1]["file_name"]
    (root / "ann.json").write_text(json.dumps(found))
    with pytest.raises(ValueError, match="image 0 needs id, file_name, height and width"):
        dataset(root / "ann.json", on_error=on_error)


def test_what_is_left_out_is_what_check_data_refuses(root, tmp_path, capsys):
    for n, way in enumerate(("cut short", "missing")):
        WAYS[way](root / f"{n}.png")
    changed(root, segmentation=5, image_id=3)
    data = dataset(root / "ann.json", on_error="skip", drop_empty=False)
    assert main(["check_data", str(root / "ann.json"), str(root), "--report", str(root / "r.json")]) == 1
    refused = json.loads((root / "r.json").read_text())["refused"]
    assert refused == {"image": data.skipped["broken images"], "annotation": 1}
    capsys.readouterr()


def test_what_was_found_is_kept_until_a_file_changes(root, monkeypatch):
    (root / "3.png").write_bytes(b"")
    first = dataset(root / "ann.json", on_error="skip")
    monkeypatch.setattr(broken, "scan", lambda *_: pytest.fail("it was found before"))
    assert ids_of(dataset(root / "ann.json", on_error="skip")) == ids_of(first) == [0, 1, 2, 4]
    monkeypatch.undo()
    shutil.copy(root / "2.png", root / "3.png")
    assert ids_of(dataset(root / "ann.json", on_error="skip")) == [0, 1, 2, 3, 4]


def test_a_damaged_or_forbidden_cache_is_made_again(tmp_path, monkeypatch, told):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "cache"))
    problems = ["", "bad", ""]
    for text in (None, "[1]", "{"):
        if text:
            (tmp_path / "cache" / "broken" / "key.json").write_text(text)
        assert find_broken(problems.__getitem__, 3, "key") == {1: "bad"}
    assert told().count("is damaged, it is made again") == 2
    (tmp_path / "file").touch()
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "file"))
    assert find_broken(problems.__getitem__, 3, "key") == {1: "bad"}
    assert "cannot be written" in told()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_scan_is_in_order_and_draws_no_number(workers):
    before = torch.get_rng_state()
    assert list(scan(str, 9, workers)) == [str(n) for n in range(9)]
    assert torch.equal(torch.get_rng_state(), before)


def test_only_the_first_are_named(told):
    report_left_out("images", "here", [f"p{n}" for n in range(7)], 14)
    assert "here: 7 of 14 images are broken and left out (on_error='skip'): p0; p1;" in told()
    assert told().endswith("p4; ...")
    report_left_out("images", "here", [], 0)
