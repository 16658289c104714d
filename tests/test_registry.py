"""The model builder: depth first, wiring, strict arguments."""

import inspect

import pytest
from torch import nn

from ovsam.registry import MODELS, build_model, passes_options_to


class Encoder(nn.Module):
    def __init__(self, *, width: int = 3) -> None:
        super().__init__()
        self.out_channels = (width, 2 * width)
        self.strides = (4, 8)


class Neck(nn.Module):
    def __init__(self, *, in_channels: tuple, strides: tuple, out_channels: int = 5) -> None:
        super().__init__()
        self.in_channels, self.strides_in, self.out_channels = in_channels, strides, out_channels


class Model(nn.Module):
    wiring = {"neck": ("encoder",), "head": ("neck", "encoder")}

    def __init__(self, *, encoder: nn.Module, neck: nn.Module, head: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder, self.neck, self.head = encoder, neck, head


@passes_options_to(Neck)
class DeepNeck(Neck):
    def __init__(self, *, depth: int, out_channels: int = 7, **options: object) -> None:
        super().__init__(out_channels=out_channels, **options)
        self.depth = depth


def test_announced_values_reach_the_parts_whatever_the_order_of_the_config():
    model = build_model(dict(type=Model, neck=dict(type=Neck), encoder=dict(type=Encoder, width=7)))
    assert model.neck.in_channels == (7, 14)
    assert model.neck.strides_in == (4, 8)


def test_config_wins_over_what_is_announced():
    neck = dict(type=Neck, in_channels=(1,))
    assert build_model(dict(type=Model, encoder=dict(type=Encoder), neck=neck)).neck.in_channels == (1,)


def test_first_source_that_announces_supplies_the_value():
    head = dict(type=Neck)
    model = build_model(dict(type=Model, encoder=dict(type=Encoder), neck=dict(type=Neck), head=head))
    assert model.head.in_channels == 5  # from the neck
    assert model.head.strides_in == (4, 8)  # the neck has none, so from the encoder


def test_misspelt_argument_names_the_class_and_what_it_accepts():
    with pytest.raises(TypeError, match=r"Encoder: .*'widht'; it accepts: width"):
        build_model(dict(type=Encoder, widht=3))


def test_missing_argument_is_an_error():
    with pytest.raises(TypeError, match=r"Neck: missing a required .*argument: 'in_channels'"):
        build_model(dict(type=Neck))


def test_options_that_are_passed_on_are_arguments_like_any_other():
    accepted = inspect.signature(DeepNeck).parameters
    assert list(accepted) == ["depth", "out_channels", "in_channels", "strides"]
    assert accepted["out_channels"].default == 7
    neck = dict(type=DeepNeck, depth=2)
    assert build_model(dict(type=Model, encoder=dict(type=Encoder), neck=neck)).neck.in_channels == (
        3,
        6,
    )
    with pytest.raises(TypeError, match=r"DeepNeck: missing a required .*argument: 'in_channels'"):
        build_model(neck)
    with pytest.raises(TypeError, match=r"DeepNeck: .*'dept'; it accepts: depth, out_channels, in_cha"):
        build_model(neck | dict(dept=2, in_channels=(), strides=()))


def test_unknown_name_is_an_error():
    with pytest.raises(KeyError, match="NoSuchPart"):
        build_model(dict(type="NoSuchPart"))


def test_config_is_not_changed():
    config = dict(type=Model, encoder=dict(type=Encoder), neck=dict(type=Neck))
    build_model(config)
    assert config == dict(type=Model, encoder=dict(type=Encoder), neck=dict(type=Neck))


def test_registered_names_build_too():
    MODELS.register_module(name="TestEncoder", module=Encoder, force=True)
    assert build_model(dict(type="TestEncoder", width=2)).out_channels == (2, 4)
