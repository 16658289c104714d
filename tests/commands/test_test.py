"""`ovsam test`: wrong use of detector boxes is one clear line, before anything is built."""

import pytest

from ovsam.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sets", "a150"], "mini/ovsam_rn is not tested on label maps: the set 'a150' is for"),
        (["--sets", "a150", "--prompts", "box"], "--sets names label maps: not with --prompts"),
        (["--prompts", "detection"], "--prompts detection needs --detections FILE.json"),
        (
            ["--prompts", "detection", "--detections", "no.json"],
            "no result file no.json; `ovsam detect`",
        ),
        (["--detections", "no.json"], "belong to --prompts detection"),
        (["--prompts", "box", "--detection-classes", "no.json"], "belong to --prompts detection"),
    ],
)
def test_wrong_use_is_one_clear_line(arguments, message, capsys):
    assert main(["test", "mini/ovsam_rn", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_parts_named_for_a_model_that_is_read_whole_are_pointed_out(tmp_path, capsys):
    options = [f"weights_root={tmp_path}", "initial_weights.mask_decoder.decoder=sam_vit#mask_decoder"]
    assert main(["test", "mini/ovsam_rn", "--cfg-options", *options]) == 2
    error = capsys.readouterr().err
    assert (
        "'initial_weights.mask_decoder.decoder' has no effect, the test reads the whole model" in error
    )
    assert "no weights at" in error


def test_pictures_need_ground_truth(tmp_path, capsys):
    (tmp_path / "boxes.json").write_text("[]")
    given = ["--prompts", "detection", "--detections", str(tmp_path / "boxes.json"), "--pictures", "2"]
    assert main(["test", "mini/ovsam_rn", *given]) == 2
    assert "not with --prompts detection" in capsys.readouterr().err
