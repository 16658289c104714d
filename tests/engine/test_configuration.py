"""Options from the shell: existing keys and arguments pass, anything else is an error that helps."""

import inspect

import pytest

from ovsam.engine.configuration import RUNNER_KEYS, load_config
from ovsam.engine.runner import Runner

CONFIG = """
from torch.nn import Linear
model = dict(type=Linear, in_features=3, out_features=5)
initial_weights = dict()
steps = [dict(size=4), dict(size=7)]
epochs = 2
"""


def test_keys_of_a_run_are_the_arguments_of_the_runner():
    assert set(inspect.signature(Runner.__init__).parameters) - {"self"} == RUNNER_KEYS


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


@pytest.fixture
def with_parts(path):
    path.write_text(
        f"{CONFIG}\n"
        "initial_weights = {'': 'all', 'mask_decoder': 'outer', 'mask_decoder.decoder': 'inner'}\n"
        "factors = {'a': dict(lr=1.0), 'a.b': dict(lr=2.0)}\n"
        "names = ('one', 'two', 'three')\n"
    )
    return path


def test_a_key_that_holds_dots_is_one_key(with_parts):
    config = load_config(with_parts, {"initial_weights.mask_decoder.decoder": "sam_vit_h#x"})
    assert config.initial_weights.to_dict() == {
        "": "all",
        "mask_decoder": "outer",
        "mask_decoder.decoder": "sam_vit_h#x",
    }
    config = load_config(with_parts, {"factors.a.b.lr": 3.0, "factors.a.lr": 4.0})
    assert config.factors.to_dict() == {"a": {"lr": 4.0}, "a.b": {"lr": 3.0}}
    assert load_config(with_parts, {"initial_weights.": "other"}).initial_weights[""] == "other"


def test_an_empty_table_of_weights_takes_a_key_with_dots(path):
    options = {"initial_weights.mask_decoder.decoder": "x", "initial_weights.neck": "y"}
    config = load_config(path, options)
    assert config.initial_weights.to_dict() == {"mask_decoder.decoder": "x", "neck": "y"}


def test_an_unknown_part_of_the_weights_is_named_whole(with_parts):
    message = "initial_weights has no 'mask_decoder.decodr'; did you mean mask_decoder.decoder"
    with pytest.raises(KeyError, match=message):
        load_config(with_parts, {"initial_weights.mask_decoder.decodr": "x"})


def test_items_of_a_list_are_replaced_one_by_one(with_parts):
    config = load_config(with_parts, {"names.2": "last", "names.0": "first"})
    assert config.names == ("first", "two", "last")


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
