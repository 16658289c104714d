import os
import socket

import pytest

from ovsam.datasets.preparation.checks import TreeReport, listed, new_file


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "below" / "a.txt"
    with new_file(path) as stream:
        stream.write("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    with pytest.raises(TypeError), new_file(path) as stream:
        stream.write(b"bytes are no text")
    assert path.read_text() == "whole"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_leavings_of_a_killed_run_are_removed_and_of_a_living_one_kept(tmp_path):
    dead, alive = (tmp_path / f".a.partial-{socket.gethostname()}-{i}" for i in (99999999, os.getppid()))
    for path in (dead, alive):
        path.write_text("half")
    with new_file(tmp_path / "a") as stream:
        stream.write("whole")
    assert not dead.exists()
    assert alive.exists()


def test_a_long_list_gives_its_first_names_and_the_number_of_the_others():
    assert listed("abc") == "a, b, c"
    assert listed(map(str, range(1234))) == "0, 1, 2, 3, 4 and 1,229 more"


def test_a_report_is_complete_without_missing_and_broken():
    assert TreeReport(found=["a"]).is_complete
    assert str(TreeReport(found=["a", "b"], missing=["c"])) == "found:\n  a\n  b\nmissing:\n  c"
    assert not TreeReport(missing=["c"]).is_complete
    assert not TreeReport(broken=["c"]).is_complete
