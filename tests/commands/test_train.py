"""`ovsam train`: what must be there before it begins."""

import pytest

from ovsam.cli import main
from ovsam.commands import train


@pytest.mark.parametrize(
    "config", ["catseg/catseg_vitb16_cocostuff_80k", "escnet/escnet_vitl14_cocostuff_80k"]
)
def test_data_that_no_validation_reads_need_not_be_there(config, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "check_sources", lambda *given: None)
    assert main(["train", config]) == 2
    error = capsys.readouterr().err
    assert "stuff171/train2017 does not exist; run `python tools/prepare_data.py coco_stuff`" in error
    assert "val2017" not in error
