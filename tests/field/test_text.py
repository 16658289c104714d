"""Text files as people's editors save them: each test is a row of docs/files.md."""

import json

import pytest

from ovsam.datasets.detections import read_class_labels, read_detections
from ovsam.inference.vocabulary_input import read_vocabulary
from ovsam.structures.vocabulary import Vocabulary
from tests.field.made import annotation, content, dataset, written
from tests.field.page import row

TRAINED = Vocabulary.from_names(["cat"])
MARKED = pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])


def save(path, found, encoding):
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_text(mark + text, encoding=encoding)
    return path


@row(
    "Text", "annotations in UTF-8 or UTF-16 with a byte-order mark (Windows)", "read", "without the mark"
)
@MARKED
def test_marked_annotations(tmp_path, encoding):
    path = written(tmp_path, {})
    save(path, content([annotation()]), encoding)
    assert len(dataset(path)) == 1


@row("Text", "vocabularies with a byte-order mark, .txt and .json", "read", "without the mark")
@MARKED
@pytest.mark.parametrize(
    ("name", "found"), [("v.txt", "caf\u00e9\r\ncat\r\n"), ("v.json", ["caf\u00e9", "cat"])]
)
def test_marked_vocabulary(tmp_path, encoding, name, found):
    path = save(tmp_path / name, found, encoding)
    assert read_vocabulary(path, TRAINED).names == ["caf\u00e9", "cat"]


@row("Text", "detections and a detector's class names with a byte-order mark", "read", "without it")
@MARKED
def test_marked_detections(tmp_path, encoding):
    found = [dict(image_id=1, category_id=1, bbox=[1, 2, 3, 4], score=0.5)]
    path = save(tmp_path / "d.json", found, encoding)
    detections, _ = read_detections(path, image_sizes={1: (60, 100)}, label_of_category={1: 0})
    assert detections[1].boxes.tolist() == [[1, 2, 4, 6]]
    assert read_class_labels(save(tmp_path / "n.json", ["cat"], encoding), {"cat": 0}) == {0: 0}


@row(
    "Text", "another encoding (Latin-1, GBK ...)", "refused", "nothing says which one: save it as UTF-8"
)
def test_another_encoding(tmp_path):
    path = save(tmp_path / "v.txt", "caf\u00e9", "latin-1")
    expected = r"v\.txt is not UTF-8 text \(byte 0xe9 at 3\); save it as UTF-8"
    with pytest.raises(ValueError, match=expected):
        read_vocabulary(path, TRAINED)
    path = written(tmp_path, {})
    save(path, content([], file_name="caf\u00e9.png"), "latin-1")
    with pytest.raises(ValueError, match=r"ann\.json is not UTF-8 text"):
        dataset(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32"])
def test_unmarked_encoding(tmp_path, encoding):
    path = save(tmp_path / "v.txt", "cat\ndog", encoding)
    with pytest.raises(ValueError, match=r"v\.txt is not UTF-8 text \(it has zero bytes\)"):
        read_vocabulary(path, TRAINED)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" + "9" * 5_000 + "]"])
def test_json_beyond_what_python_reads(tmp_path, text):
    path = written(tmp_path, {})
    path.write_text(text)
    with pytest.raises(ValueError, match=r"ann\.json is not valid JSON"):
        dataset(path)


@row("Text", "JSON that is cut, or is no JSON", "refused", "the error says where it breaks")
def test_cut_json(tmp_path):
    path = written(tmp_path, content([annotation()]))
    path.write_text(path.read_text()[:99])
    with pytest.raises(ValueError, match=r"ann\.json is not valid JSON \(.*char 9"):
        dataset(path)
