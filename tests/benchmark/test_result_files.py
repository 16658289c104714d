"""Results files that are no lists of records: what a table takes from them, and what it refuses."""

import json
import re
from dataclasses import replace

import pytest

from ovsam.benchmark import provenance
from ovsam.benchmark.result_files import fill
from ovsam.benchmark.signed import read_signed, write_signed
from ovsam.benchmark.specs import TABLES, FileTable
from ovsam.cli import configs_folder
from ovsam.commands.make_tables import render_table

ORIGIN = dict(commit="a" * 40, dirty=False, hardware="one, 2 cores", device="cpu")
SPEC = FileTable(
    name="toy",
    title="Two pictures on a CPU",
    file="toy.json",
    header=("What", "n"),
    rows={"all": "val.n"},
    states={"val.num_images": 2, "val.provenance.device": "cpu"},
)


def content(images=2, **origin):
    return {"val": {"n": 3, "num_images": images, "provenance": {**ORIGIN, **origin}}}


def write(path, what):
    write_signed(what, path)
    return path


def test_a_file_of_known_origin_is_taken(tmp_path):
    file = write(tmp_path / "toy.json", content())
    assert fill(SPEC, file).rows == (("all", "3"),)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (content(dirty=True), "may not be published: sources differed from commit aaaaaaaaaaaa"),
        (content(dirty=None), "may not be published: sources differed"),
        (content(commit=None), "may not be published: no commit"),
        (content(hardware=""), "may not be published: the hardware is not known"),
        ({**content(), "test": content(dirty=True)["val"]}, "may not be published: sources differed"),
        ({"val": {"n": 3, "num_images": 2}}, "does not say where its numbers come from"),
        (content(images=50), "table toy is of val.num_images = 2, the file of 50"),
        (content(device="GPU"), "is of val.provenance.device = 'cpu', the file of 'GPU'"),
    ],
)
def test_others_are_refused(what, told, tmp_path):
    with pytest.raises(ValueError, match=re.escape(told)):
        fill(SPEC, write(tmp_path / "toy.json", what))


def test_a_table_of_ones_own_may_be_of_a_changed_tree_but_of_nothing_else(tmp_path):
    file = write(tmp_path / "toy.json", content(dirty=True))
    assert fill(SPEC, file, allow_dirty=True).rows == (("all", "3"),)
    write(file, content(images=50, dirty=True))
    with pytest.raises(ValueError, match="the file of 50"):
        fill(SPEC, file, allow_dirty=True)


def test_a_table_may_have_its_own_format_and_a_column_of_remarks(tmp_path):
    spec = replace(
        SPEC,
        rows={"small": "val.small", "large": "val.large", "huge": "val.huge"},
        number_format=".3g",
        remarks={"large": "for a reason"},
    )
    what = content()
    what["val"].update(small=0.003569, large=16.94, huge=1234.5)
    file = write(tmp_path / "toy.json", what)
    rows = (("small", "0.00357", ""), ("large", "16.9", "for a reason"), ("huge", "1,234", ""))
    assert fill(spec, file).rows == rows


def test_a_list_is_no_results_file(tmp_path):
    (tmp_path / "toy.json").write_text(json.dumps([content()]))
    with pytest.raises(ValueError, match="expected an object of results"):
        fill(SPEC, tmp_path / "toy.json")


def test_a_file_that_no_command_wrote_is_refused(tmp_path):
    (tmp_path / "toy.json").write_text(json.dumps(content()))
    with pytest.raises(ValueError, match="has no sha256 of its content"):
        fill(SPEC, tmp_path / "toy.json")


def test_a_number_changed_by_hand_is_refused(tmp_path):
    file = write(tmp_path / "toy.json", content())
    assert read_signed(file) == content()
    file.write_text(file.read_text().replace('"n": 3', '"n": 4'))
    with pytest.raises(ValueError, match="changed by hand"):
        fill(SPEC, file)


def test_tables_read_files_this_way(tmp_path, monkeypatch):
    monkeypatch.setattr("ovsam.commands.make_tables.configs_folder", lambda: tmp_path)
    monkeypatch.setitem(TABLES, "toy", SPEC)
    write(tmp_path / "toy.json", content(dirty=True))
    with pytest.raises(ValueError, match="may not be published"):
        render_table("toy", form="csv")
    assert "all,3" in render_table("toy", form="csv", allow_dirty=True)


@pytest.mark.parametrize("name", [n for n, spec in TABLES.items() if isinstance(spec, FileTable)])
def test_committed_files_are_what_their_tables_say(name):
    spec = TABLES[name]
    file = configs_folder() / spec.file
    if not file.is_file():
        pytest.skip(f"{spec.file} has not been measured")
    for title, *cells in fill(spec, file).rows:  # a place that is missing is an error
        numbers = cells[: len(spec.parts)]  # a remark may follow
        assert any(number not in ("–", "not measured") for number in numbers), title


def test_a_measurement_over_a_change_of_the_sources_is_of_no_commit(monkeypatch):
    states = [("a" * 40, False), ("a" * 40, False), ("a" * 40, False), ("b" * 40, False)]
    monkeypatch.setattr(provenance, "git_state", lambda: states.pop(0))
    same = provenance.Measurement().origin()
    assert (same["commit"], same["dirty"]) == ("a" * 40, False)
    assert same["seconds"] >= 0
    assert provenance.Measurement().origin()["dirty"] is True


def test_rows_and_numbers_may_lack_where_the_table_says_so(tmp_path):
    spec = replace(SPEC, rows={"there": "val.{}", "not yet": "later.{}"}, parts=("n", "m"))
    file = write(tmp_path / "toy.json", content())
    with pytest.raises(KeyError, match=r"nothing at 'val\.m'"):
        fill(spec, file)
    states = {**SPEC.states, "later.device": "cpu"}  # of a run that is not there
    rows = fill(replace(spec, may_lack=True, states=states), file).rows
    assert rows == (("there", "3", "–"), ("not yet", "not measured", "not measured"))


@pytest.mark.parametrize("text", ["", "{", "# a README"])
def test_what_is_no_json_is_named(tmp_path, text):
    (tmp_path / "toy.json").write_text(text)
    with pytest.raises(ValueError, match=r"toy\.json: expected JSON, got what does not parse"):
        fill(SPEC, tmp_path / "toy.json")
