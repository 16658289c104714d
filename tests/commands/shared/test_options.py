"""Options from the shell keep the kinds that they are written in."""

from ovsam.cli import _parser_of
from ovsam.commands.shared.options import parse_options


def test_options_keep_their_kinds():
    command = ["mini/sam_vit", "--cfg-options", "a=1", "b.c=x=y", "d=[1,2]", "--cfg-options", "e=True"]
    args = _parser_of("train").parse_args(command)
    assert parse_options(args.cfg_options) == {"a": 1, "b.c": "x=y", "d": [1, 2], "e": True}


def test_a_mapping_is_taken_as_it_is():
    given = {"a": dict(type="SGD")}
    assert parse_options(given) == given
