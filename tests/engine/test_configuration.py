"""Options from the shell: existing keys and arguments pass, anything else is an error that helps."""

import pytest

from ovsam.engine.configuration import load_config

CONFIG = """
from torch.nn import Linear
model = dict(type=Linear, in_features=3, out_features=5)
initial_weights = dict()
steps = [dict(size=4), dict(size=7)]
epochs = 2
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "tiny.py"
    file.write_text(CONFIG)
    return file


def test_options_override_values_arguments_and_list_items(path):
    options = {"epochs": 9, "model.bias": False, "steps.1.size": 8, "initial_weights.part": "x"}
    config = load_config(path, options)
    assert config.epochs == 9
    assert config.model.bias is False
    assert [step.size for step in config.steps] == [4, 8]
    assert config.initial_weights.part == "x"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("epoch", "the config has no 'epoch'; did you mean epochs"),
        ("model.in_feature", "model has no 'in_feature'; did you mean in_features"),
        ("steps.2.size", "steps is a list of 2 items"),
        ("steps.0.sise", "steps.0 has no 'sise'; did you mean size"),
    ],
)
def test_unknown_option_is_named_with_a_hint(path, key, message):
    with pytest.raises(KeyError, match=message):
        load_config(path, {key: 1})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epochs", "two", "option 'epochs': expected a number such as 2, got 'two'"),
        ("epochs", True, "expected a number"),
        ("fast", 1, "expected True or False such as True, got 1"),
        ("steps.1.size", "big", "expected a number such as 7"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(path, key, value, message):
    path.write_text(f"{CONFIG}\nfast = True\n")
    with pytest.raises(ValueError, match=message):
        load_config(path, {key: value})


def test_what_every_run_reads_may_be_set_where_the_config_leaves_it_out(path):
    config = load_config(path, {"precision": "bfloat16", "trackers": ["tensorboard"]})
    assert config.precision == "bfloat16"
    assert config.trackers == ["tensorboard"]


@pytest.mark.parametrize("key", ["initial_weigths", "optim_wraper", "train_dataloder"])
def test_misspelt_key_of_a_config_is_named(path, key):
    path.write_text(f"{CONFIG}\n{key} = dict()\n")
    with pytest.raises(KeyError, match=f"unknown key '{key}'; did you mean"):
        load_config(path)


def test_config_that_is_no_python_is_named(path):
    path.write_text("model = (")
    with pytest.raises(ValueError, match=r"tiny\.py, line 1"):
        load_config(path)


def test_missing_config_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no_such\.py does not exist"):
        load_config(tmp_path / "no_such.py")
