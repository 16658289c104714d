"""Pictures as cameras and people's systems leave them: each test is a row of docs/files.md."""

import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ovsam.cli import find_config
from ovsam.datasets.boxed_images import BoxedImages
from ovsam.datasets.label_maps import read_label_map, write_label_map
from ovsam.datasets.pictures import as_picture, read_entry, read_picture
from ovsam.engine.configuration import load_config
from ovsam.inference.predictor import Predictor
from tests.field.made import HEIGHT, WIDTH, annotation, content, dataset, mask, picture, written
from tests.field.page import row

TURNED = 6  # EXIF: shown a quarter turn clockwise
HALF_TURNED = 3


def jpeg(path, orientation):
    """Write a JPEG with an EXIF orientation; returns its pixels as stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture()).save(path, exif=exif, quality=95)
    return np.asarray(Image.open(path))


def inputs(folder, file_name="a.jpg", **changes):
    """The first picture of a data set as (H, W, 3), and its masks."""
    found = content([annotation()], file_name=file_name)
    found["images"][0].update(changes)
    sample = dataset(written(folder, found))[0]
    masks = sample["data_samples"].gt_instances.masks.numpy()
    return sample["inputs"].permute(1, 2, 0).numpy(), masks


@row(
    "Pictures",
    "EXIF turns the picture, the annotations are for the stored frame",
    "read, counted",
    "stored frame, as COCO's tools have it",
)
def test_annotations_of_the_stored_frame(tmp_path, logged):
    stored = jpeg(tmp_path / "a.jpg", TURNED)
    found, masks = inputs(tmp_path)
    assert found.shape[:2] == (HEIGHT, WIDTH)
    assert np.abs(found.astype(int) - stored).mean() < 2
    np.testing.assert_array_equal(masks[0], mask())
    assert "its annotations fit the stored frame only, so it is read as stored (1 such" in logged()


@row("Pictures", "EXIF turns the picture, the annotations are for the upright frame", "read", "upright")
def test_annotations_of_the_upright_frame(tmp_path, logged):
    stored = jpeg(tmp_path / "a.jpg", TURNED)
    found, _ = inputs(tmp_path, height=WIDTH, width=HEIGHT)
    assert np.abs(found.astype(int) - np.rot90(stored, -1)).mean() < 2
    assert "as stored" not in logged()


@row(
    "Pictures",
    "EXIF turns a picture whose annotations fit both frames (a square, a half turn)",
    "read, counted",
    "stored frame; the log says so at the 1st, 10th, 100th ...",
)
def test_annotations_of_both_frames(tmp_path, logged):
    stored = jpeg(tmp_path / "a.jpg", HALF_TURNED)
    for _ in range(2):
        found, _masks = inputs(tmp_path)
        assert np.abs(found.astype(int) - stored).mean() < 2
    assert logged().count("its annotations fit both frames, so it is read as stored (1 such") == 1


@row("Pictures", "EXIF turns a picture that has a label map", "read", "the frame of the label map")
@pytest.mark.parametrize("is_stored", [True, False])
def test_frame_of_a_label_map(tmp_path, is_stored):
    stored = jpeg(tmp_path / "a.jpg", TURNED)
    size = (HEIGHT, WIDTH) if is_stored else (WIDTH, HEIGHT)
    write_label_map(tmp_path / "a.png", np.zeros(size, np.uint8))
    entry = dict(img_path=str(tmp_path / "a.jpg"), label_path=str(tmp_path / "a.png"))
    expected = stored if is_stored else np.rot90(stored, -1)
    assert np.abs(read_entry(entry).astype(int) - expected).mean() < 2


@row(
    "Pictures",
    "EXIF turns a picture that you show to a predictor",
    "read",
    "upright, as every viewer shows it; masks and boxes are in that frame",
)
def test_a_shown_picture_is_upright(tmp_path):
    path = tmp_path / "a.jpg"
    jpeg(path, TURNED)
    for given in (path, path.read_bytes(), Image.open(path)):
        assert as_picture(given).shape == (WIDTH, HEIGHT, 3)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_frames_of_other_formats(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    options = dict(lossless=True) if suffix == "webp" else {}
    Image.fromarray(picture()).save(path, exif=exif, **options)
    upright = as_picture(Image.open(path))
    np.testing.assert_array_equal(as_picture(path), upright)
    np.testing.assert_array_equal(read_picture(path, size=(HEIGHT, WIDTH)), picture())
    if orientation >= 5:
        np.testing.assert_array_equal(read_picture(path, size=(WIDTH, HEIGHT)), upright)


def test_a_tag_behind_other_segments(tmp_path):
    jpeg(tmp_path / "a.jpg", TURNED)
    content = (tmp_path / "a.jpg").read_bytes()
    preview = b"\xff\xed" + (65_002).to_bytes(2, "big") + b"x" * 65_000
    content = content[:2] + 2 * preview + content[2:]
    assert read_picture("a", content, size=(HEIGHT, WIDTH)).shape == (HEIGHT, WIDTH, 3)


def test_pictures_with_boxes_are_read_in_the_annotated_frame(tmp_path):
    jpeg(tmp_path / "a.jpg", TURNED)
    path = written(tmp_path, content([annotation()], file_name="a.jpg"))
    images = BoxedImages(annotation_file=str(path), image_folder=str(tmp_path)).images
    assert images[0].shape == (HEIGHT, WIDTH, 3)


def test_a_broken_tag_turns_nothing():
    stream = io.BytesIO()
    Image.fromarray(picture()).save(stream, "JPEG", exif=b"Exif\0\0broken")
    assert read_picture("a", stream.getvalue(), size=(HEIGHT, WIDTH)).shape == (HEIGHT, WIDTH, 3)


@row("Pictures", "`file_name` with the separators of Windows", "read", "a backslash is a slash")
def test_separators_of_windows(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "b.png"), picture()[..., ::-1])
    found, _ = inputs(tmp_path, file_name="images\\b.png")
    np.testing.assert_array_equal(found, picture())


@row(
    "Pictures",
    "`file_name` that differs from the file by case, ending, accents or folder",
    "refused",
    "the error names the file that is there",
)
@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("B.JPG", "b.jpg"),
        ("b.jpg", "b.jpeg"),
        ("gone/x/b.jpg", "b.jpg"),
        ("C:\\x\\b.jpg", "b.jpg"),
        ("b\u00e9.jpg", "be\u0301.jpg"),
    ],
)
def test_name_of_another_file(tmp_path, name, there):
    jpeg(tmp_path / there, 1)
    with pytest.raises(FileNotFoundError, match=rf"does not exist; {tmp_path} has {there}: mend the"):
        inputs(tmp_path, file_name=name)


@row("Pictures", "a picture of another size than its annotations", "refused", "is it the right file?")
def test_picture_of_another_size(tmp_path):
    expected = r"\(h, w\) = \(60, 100\), its annotations are for \(60, 99\)"
    with pytest.raises(ValueError, match=expected):
        inputs(tmp_path, file_name="a.png", width=99)


@row("Pictures", "grey, palette, 16-bit, CMYK and transparent pictures; GIF", "read", "as 8-bit RGB")
@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("P", "png"), ("CMYK", "jpg"), ("RGBA", "png"), ("P", "gif")]
)
def test_kinds_of_pictures(tmp_path, mode, suffix):
    Image.fromarray(picture()).convert(mode).save(tmp_path / f"b.{suffix}")
    assert read_picture(tmp_path / f"b.{suffix}").shape == (HEIGHT, WIDTH, 3)
    cv2.imwrite(str(tmp_path / "deep.png"), picture().astype(np.uint16) * 257)
    assert read_picture(tmp_path / "deep.png").dtype == np.uint8


@row("Pictures", "a picture that is cut short, empty or no picture", "refused", "the error names it")
@pytest.mark.parametrize("kept", [0, 500])
def test_cut_picture(tmp_path, kept):
    jpeg(tmp_path / "a.jpg", 1)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"image .*a\.jpg is broken"):
        inputs(tmp_path)


@row("Pictures", "a picture of one pixel, or one pixel wide", "read", "in training, in tests and shown")
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1)])
def test_one_pixel(tmp_path, size):
    height, width = size
    cv2.imwrite(str(tmp_path / "one.png"), np.full((height, width, 3), 7, np.uint8))
    box = [0, 0, width, height]
    outline = [[0, 0, width, 0, width, height, 0, height]]
    found = content([annotation(bbox=box, segmentation=outline)])
    found["images"][0].update(file_name="one.png", height=height, width=width)
    config = load_config(find_config("mini/ovsam_rn"))
    for loader in (config.train_dataloader, config.test_dataloader):
        sample = dataset(written(tmp_path, found), pipeline=loader.dataset.pipeline)[0]
        assert min(sample["inputs"].shape) >= 1
    predictor = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    predictor.set_image(tmp_path / "one.png")
    [mask_of_box] = predictor.predict(boxes=[box]).masks
    assert mask_of_box.shape == size


@row("Pictures", "an animated GIF, PNG or WebP", "read", "its first frame")
@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_animated_pictures(tmp_path, ending):
    frames = [Image.fromarray(np.full((9, 13, 3), level, np.uint8)) for level in (40, 200)]
    path = tmp_path / f"a.{ending}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, lossless=True)
    with Image.open(path) as opened:
        assert opened.n_frames == 2
    found = read_picture(path)
    assert found.shape == (9, 13, 3)
    assert np.abs(found.astype(int) - 40).max() <= 1


def png_of(path, width, height):
    """A file of some bytes whose header promises many pixels."""
    content = io.BytesIO()
    Image.new("L", (5, 7)).save(content, "png")
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + content.getvalue()[24:29]
    changed = (
        content.getvalue()[:12] + head + zlib.crc32(head).to_bytes(4, "big") + content.getvalue()[33:]
    )
    path.write_bytes(changed)
    return path


@row("Attacks", "a picture or a label map of more than 100 million pixels", "refused",
     "before it is decoded")  # fmt: skip
@pytest.mark.parametrize("side", [10_001, 30_000, 200_000])
def test_many_pixels(tmp_path, side, resident_kilobytes):
    path, before = png_of(tmp_path / "a.png", side, side), resident_kilobytes()
    with pytest.raises(ValueError, match=r"a\.png has .*, allowed are 100,000,000"):
        read_picture(path)
    with pytest.raises(ValueError, match=rf"label map .*a\.png has {side} x {side} px, allowed are"):
        read_label_map(path)
    assert resident_kilobytes() - before < 20_000


@row("Attacks", "a picture's file of more than 1 GiB", "refused", "before it is read")
def test_many_bytes(tmp_path):
    with open(tmp_path / "a.png", "wb") as file:
        file.truncate((1 << 30) + 1)  # takes no space
    with pytest.raises(ValueError, match=r"a\.png has 1,073,741,825 bytes, allowed are 1,073,741,824"):
        read_picture(tmp_path / "a.png")


@row("Pictures", "a folder in the place of a picture", "refused", "the error names it")
def test_a_folder(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        read_picture(tmp_path)
