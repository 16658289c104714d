"""`ovsam test`: wrong use of detector boxes is one clear line, before anything is built."""

import pytest
from mmengine.config import Config

from ovsam.cli import main
from ovsam.commands.shared.rows import weights_source
from tests.configs import write_child


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "mini/ovsam_rn"], "two rows would write to work_dirs/mini/ovsam_rn"),
        (
            ["--rows", "mini/escnet"],
            "mini/escnet cannot share a pass with mini/ovsam_rn, they differ in",
        ),
        (["--rows", "mini/nothing"], "mini/nothing"),
        (
            ["--rows", "mini/ovsam_head", "--prompts", "detection", "--detections", __file__],
            "--rows share a pass over boxes and points: not with detection",
        ),
    ],
)
def test_rows_that_cannot_share_a_pass_are_one_clear_line(arguments, message, capsys):
    assert main(["test", "mini/ovsam_rn", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_rows_that_are_tested_with_other_prompts_are_pointed_out(tmp_path, capsys):
    row = write_child(tmp_path, "boxes", "ovsam_head", "test_prompts = ('box',)\n")
    assert main(["test", "mini/ovsam_rn", "--rows", row]) == 2
    told = (
        "mini/boxes is tested with ['box'], mini/ovsam_rn with ['box', 'center_point']: give --prompts"
    )
    assert told in capsys.readouterr().err


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


def test_weights_in_the_work_dir_come_before_those_below_weights_root(tmp_path):
    def prepared(work_dir, **more):
        given = dict(experiment_name="mini/sam_vit", weights_root=str(tmp_path), train_cfg={"a": 1})
        return Config({**given, "work_dir": str(work_dir), **more})

    usual, other = tmp_path / "sam_vit", tmp_path / "other"
    assert weights_source(prepared(other), None) == "sam_vit"  # none anywhere: the usual place is named
    for folder in (usual, other):
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(b"")
    assert weights_source(prepared(usual), None) == "sam_vit"
    assert weights_source(prepared(other), None) == str(other / "weights.safetensors")
    assert weights_source(prepared(other), "x.pth") == "x.pth"
    assert weights_source(prepared(other, test_weights="ovsam_rn"), None) == "ovsam_rn"
    assert weights_source(prepared(other, train_cfg=None), None) is None
