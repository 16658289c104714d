import pytest

from ovsam.datasets.image_list import ImageList
from ovsam.datasets.vocabularies import class_list
from tests.datasets.image_trees import write_picture

ANIMALS = dict(type=class_list, name="animals", base=["Bird", "wild cat", "dog"])


@pytest.fixture
def make(tmp_path):
    for level in (1, 2, 3):
        write_picture(tmp_path / "img" / "a" / f"{level}.jpg", level)

    def images(text, **changes):
        (tmp_path / "list.csv").write_text(text)
        options = dict(data_root=str(tmp_path), data_prefix=dict(img="img"), vocabulary=ANIMALS)
        return ImageList(ann_file="list.csv", **{**options, **changes})

    return images


def test_classes_by_name(make):
    found = make("image,class\na/2.jpg,Wild_cat\n\na/1.jpg,bird\na/3.jpg,\n")
    assert found.labels.tolist() == [1, 0, -1]
    assert found.image_id(0) == "a/2.jpg"
    info = found.get_data_info(2)
    assert (info["height"], info["width"], info["instances"][0]["label"]) == (6, 9, -1)
    assert (info["img"] == 3).all()


def test_classes_by_number_and_synonyms(make):
    assert make("image,label\na/2.jpg,2\na/1.jpg,-1\n").labels.tolist() == [2, -1]
    found = make("image,class\na/1.jpg,aeroplane\n", vocabulary="lvis")
    assert found.vocabulary.names[found.labels[0]] == "airplane"


def test_an_unknown_class_stays_unknown_in_a_shared_vocabulary(make):
    found = make("image,label\na/2.jpg,-1\na/1.jpg,0\n", vocabulary="coco", shared="lvis+coco")
    assert found.labels[0] == -1
    assert found.vocabulary.names[found.labels[1]] == "person"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a/1.jpg,dog\n", "must start with the line image,class or image,label, got"),
        ("", "must start with the line"),
        ("image,class\na/1.jpg,emu\n", r"line 2: vocabulary 'animals' has no class 'emu'"),
        ("image,label\na/1.jpg,3\n", r"line 2: label '3' is not one of 0\.\.2"),
        ("image,label\na/1.jpg,-2\n", "label '-2' is not one of"),
        ("image,label\na/1.jpg,dog\n", "label 'dog' is not one of"),
        ("image,class\na/1.jpg,dog\na/1.jpg,Bird\n", r"line 3: image a/1\.jpg is listed twice"),
        ("image,class\na/1.jpg\n", "line 2: expected an image and a class"),
        ("image,class\n,dog\n", "line 2: expected an image and a class"),
        ("image,class\n", "has no image to keep"),
    ],
)
def test_bad_lists(make, text, message):
    with pytest.raises(ValueError, match=message):
        make(text)


def test_a_name_of_several_classes(make):
    vocabulary = dict(type=class_list, name="v", base=["battery", "Battery"])
    assert make("image,class\na/1.jpg,Battery\n", vocabulary=vocabulary).labels.tolist() == [1]
    with pytest.raises(ValueError, match="has several classes called 'BATTERY'"):
        make("image,class\na/1.jpg,BATTERY\n", vocabulary=vocabulary)


def test_an_image_listed_but_absent(make):
    text = "image,class\na/9.jpg,dog\na/1.jpg,dog\n"
    with pytest.raises(FileNotFoundError, match=r"lists 1 of 2 images that are not in .*a/9\.jpg"):
        make(text)
    found = make(text, on_error="skip")
    assert len(found) == 1
    assert found.skipped == {"images listed and absent": 1}


def test_no_folder(make):
    with pytest.raises(FileNotFoundError, match=r"image folder .*none does not exist"):
        make("image,class\na/1.jpg,dog\n", data_prefix=dict(img="none"))
