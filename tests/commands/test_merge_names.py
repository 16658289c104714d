import argparse
import json

import pytest

from ovsam.arguments.merge_names import add_arguments
from ovsam.commands import merge_names


def call(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return merge_names.run(parser.parse_args([str(argument) for argument in arguments]))


def test_two_lists_are_merged_with_reasons(tmp_path, capsys):
    assert (
        call("coco", "objects365", "--report", tmp_path / "r.json", "--into", tmp_path / "s.json") == 0
    )
    shown = capsys.readouterr().out
    assert shown.startswith("coco_48_17: 80 classes, 80 new; joined by nothing")
    report = json.loads((tmp_path / "r.json").read_text())
    assert f"together {report['classes']:,} classes" in shown
    assert {"source", "name", "joined", "joined_source", "rule"} == set(report["merges"][0])
    [row] = json.loads((tmp_path / "s.json").read_text())["merged"]
    assert row["classes"] == report["classes"] <= row["classes_by_spelling_only"]
    assert row["classes"] == 445 - sum(row["joined_by_rule"].values())


def test_classes_of_a_tree(tmp_path, capsys):
    (tmp_path / "n01440764").mkdir()
    (tmp_path / "n02084071").mkdir()
    assert call("coco", "--tree", tmp_path) == 0
    assert "together 81 classes" in capsys.readouterr().out  # the dog is COCO's, the tench is new


def test_what_to_merge_must_be_said():
    for given in ([], ["coco", "--published"]):
        with pytest.raises(ValueError, match="names of lists, or --published alone"):
            call(*given)
    with pytest.raises(ValueError, match="unknown vocabulary"):
        call("nothing")
