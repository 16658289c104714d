"""Label-map files: bits, channels, broken files, values out of the table."""

import cv2
import numpy as np
import pytest

from ovsam.datasets.label_maps import check_values, read_label_map, write_label_map


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 16), (np.uint16, 8)])
def test_values_come_back(tmp_path, dtype, bits):
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (5, 7)).astype(dtype)
    write_label_map(tmp_path / "a" / "map.png", values)
    read = read_label_map(tmp_path / "a" / "map.png", bits=bits)
    assert read.dtype == dtype
    assert (read == values).all()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["map.png"]


def test_8_bits_where_16_are_needed(tmp_path):
    write_label_map(tmp_path / "map.png", np.zeros((5, 7), np.uint8))
    with pytest.raises(ValueError, match=r"map\.png has 8 bits a pixel, its classes need 16; run it"):
        read_label_map(tmp_path / "map.png", bits=16, hint="run it")


def test_colours_are_no_labels(tmp_path):
    cv2.imwrite(str(tmp_path / "map.png"), np.zeros((5, 7, 3), np.uint8))
    with pytest.raises(ValueError, match="has 3 channels, expected one"):
        read_label_map(tmp_path / "map.png")


def test_missing_and_cut_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"map\.png does not exist; run it"):
        read_label_map(tmp_path / "map.png", hint="run it")
    write_label_map(tmp_path / "map.png", np.arange(600, dtype=np.uint16).reshape(20, 30))
    content = (tmp_path / "map.png").read_bytes()
    (tmp_path / "map.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cut short"):
        read_label_map(tmp_path / "map.png")


def test_value_out_of_the_table_is_named_with_its_place():
    values = np.full((5, 7), 255, np.uint8)
    values[0, 0], values[3, 4] = 9, 10
    check_values(values, num_classes=11, ignore_index=255, name="x")
    with pytest.raises(
        ValueError, match=r"x has the value 10 at row 3, column 4; expected 0\.\.9 or 255"
    ):
        check_values(values, num_classes=10, ignore_index=255, name="x")
