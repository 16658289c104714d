"""Options from the shell that have no form are errors of the command line."""

from argparse import ArgumentParser

import pytest

from ovsam.commands.shared.options import add_run_arguments


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("train_cfg.max_epochs", "expected KEY=VALUE, got 'train_cfg.max_epochs'"),
        ("=2", "expected KEY=VALUE, got '=2'"),
        ("test_prompts=[box", "unbalanced brackets in 'test_prompts=[box'"),
    ],
)
def test_malformed_options_are_named(option, message, capsys):
    parser = ArgumentParser()
    add_run_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["mini/sam_vit", "--cfg-options", "a=1", option])
    assert message in capsys.readouterr().err


def test_options_keep_their_kinds():
    parser = ArgumentParser()
    add_run_arguments(parser)
    args = parser.parse_args(["mini/sam_vit", "--cfg-options", "a=1", "b.c=x=y", "d=[1,2]", "e=True"])
    assert args.cfg_options == {"a": 1, "b.c": "x=y", "d": [1, 2], "e": True}
