import pytest

from ovsam.datasets.preparation.checks import Options
from ovsam.datasets.preparation.image_labels import check_class_folders, check_image_list
from tests.datasets.image_trees import pack, write_tree


@pytest.fixture
def root(tmp_path):
    root = write_tree(tmp_path / "imagenet", {"n01440764": [1, 2], "n02012849": [3]})
    pack(root / "n02012849")
    return root


def test_a_whole_tree_and_what_its_names_are(root):
    report = check_class_folders(root, Options(with_pictures=True), "imagenet21k")
    assert report.is_complete
    text = str(report)
    assert "3 images in the folders or tar files of 2 of 21,843 classes" in text
    assert "not the paper's 19,167" in text
    assert "without a folder: 21,841 classes" in text
    assert "all 3 decode" in text
    assert check_class_folders(root, Options()).is_complete


def test_what_is_broken_is_counted_and_the_rest_goes_on(root):
    (root / "n01440764" / "2.JPEG").write_bytes(b"")
    path = root / "n02012849.tar"
    path.write_bytes(path.read_bytes()[:600])
    (root / "n01443537").mkdir()
    (root / "cats").mkdir()
    (root / "n02084071").mkdir()  # "dog" is no class of ImageNet-1k
    report = check_class_folders(root, Options(with_pictures=True), "imagenet1k")
    text = "\n".join(report.broken)
    assert "n02012849.tar is cut short" in text
    assert "2 folders or tar files are no class of 'imagenet1k': cats, n02084071" in text
    assert "no picture in 1 of them: n01443537" in text
    assert "1 of 2 are broken" in text


def test_no_tree(tmp_path):
    report = check_class_folders(tmp_path / "none", Options(), "imagenet21k")
    assert "image-net.org" in report.missing[0]


def test_a_list(root, tmp_path):
    path = tmp_path / "list.csv"
    assert "the list of the images" in str(check_image_list(path, root, Options(), "imagenet1k"))
    path.write_text("image,class\nn01440764/1.JPEG,tench\nn01440764/9.JPEG,\n")
    report = check_image_list(path, root, Options(with_pictures=True), "imagenet1k")
    assert "2 images of 1 of 1,000 classes, 1 of no known class" in str(report)
    assert "1 of the images in" in report.missing[0]
    path.write_text("image,label\nx.png,1000\n")
    assert "not one of 0..999" in check_image_list(path, root, Options(), "imagenet1k").broken[0]
