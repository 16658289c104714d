"""`ovsam make_tables`: collecting, checking and writing through the command line."""

import pytest

from ovsam.benchmark import records
from ovsam.cli import main
from tests.benchmark.test_records import make_record

README = "# Ours\n\n<!-- table:mini -->\n<!-- /table -->\n"


@pytest.fixture
def runs(tmp_path):
    for seed in (0, 1):
        folder = tmp_path / "runs" / f"seed_{seed}" / "ovsam_rn"
        records.write(make_record(seed=seed), folder / "record_test_box.json")
        records.write(make_record(seed=seed, dataset="shapes val"), folder / "record_val_box.json")
    return tmp_path / "runs"


def test_collected_records_make_the_table_of_a_readme(runs, tmp_path, capsys):
    results, readme = tmp_path / "results.json", tmp_path / "README.md"
    readme.write_text(README)
    assert main(["make_tables", "--collect", str(runs), "--into", str(results)]) == 0
    assert main(["make_tables", "--collect", str(runs), "--into", str(results)]) == 0  # again: the same
    assert [record.seed for record in records.read_results(results)] == [0, 1]
    given = ["make_tables", "--readme", str(readme), "--records", str(results)]
    assert main([*given, "--check"]) == 1
    assert "mini differ from the results" in capsys.readouterr().err
    assert main([*given, "--update"]) == 0
    assert "| Open-Vocabulary SAM (base names in the softmax) | 71.5 ± 0.0 |" in readme.read_text()
    assert main([*given, "--check"]) == 0


def test_a_results_file_is_told_by_its_content_and_a_changed_digit_is_refused(tmp_path, capsys):
    file = tmp_path / "mine.json"
    records.write_results([make_record(seed=0), make_record(seed=1)], file)
    assert main(["make_tables", "mini", "--records", str(file)]) == 0
    assert "71.5 ± 0.0" in capsys.readouterr().out
    file.write_text(file.read_text().replace("71.5", "72.5", 1))
    assert main(["make_tables", "mini", "--records", str(file)]) == 2
    error = capsys.readouterr().err
    assert "mine.json" in error
    assert "seed 0: its content does not match its sha256, it was changed by hand" in error


def test_dirty_record_is_not_collected(tmp_path, capsys):
    record, results = tmp_path / "record_test_box.json", tmp_path / "results.json"
    records.write(make_record(origin=dict(dirty=True)), record)
    assert main(["make_tables", "--collect", str(record), "--into", str(results)]) == 2
    assert "commit and test again" in capsys.readouterr().err
    assert not results.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_table"], "no table 'no_such_table'"),
        (["--collect", "x"], "needs --into"),
        (["--check", "--update"], "choose one"),
        (["--records", "nowhere.json"], "nowhere.json does not exist"),
    ],
)
def test_wrong_use_is_one_clear_line(arguments, message, capsys):
    assert main(["make_tables", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_tables_of_the_readmes_are_what_the_results_give(capsys):
    assert main(["make_tables", "--check"]) == 0, capsys.readouterr().err
