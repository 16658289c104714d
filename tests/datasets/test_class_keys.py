import pytest

from ovsam.datasets.class_keys import RULES, name_forms
from ovsam.datasets.plurals import singular


def rule(one, other):
    return name_forms(one).first_rule(name_forms(other))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("traffic light", "traffic light", "equal"),
        ("Traffic light", "traffic light", "case"),
        ("traffic_light", "Traffic light", "underscore"),
        (" traffic  light ", "traffic light", "underscore"),
        ("T-shirt", "t_shirt", "punctuation"),
        ("bird's nest", "birds nest", "punctuation"),
        ("joëlette", "Joelette", "punctuation"),
        ("salt & pepper", "salt and pepper", "punctuation"),
        ("The Alphorn", "an alphorn", "article"),
        ("a", "a", "equal"),  # nothing follows: no article
        ("Sneakers", "sneaker", "plural"),
        ("bread knives", "bread knife", "plural"),
        ("bus_(vehicle)", "bus", "parenthesis"),
        ("crane (Large_Birds)", "crane (large bird)", "plural"),
    ],
)
def test_the_strictest_rule_is_named(one, other, expected):
    assert rule(one, other) == rule(other, one) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("glasses", "glass"),
        ("A-line skirt", "line skirt"),
        ("teapot", "tea pot"),
        ("wine glasses", "wine glass"),
        ("cat", "cats eye"),
        ("shorts", "short"),
        ("crane", "cranes bill"),
    ],
)
def test_two_names_stay_two(one, other):
    with pytest.raises(ValueError, match="two names by every rule"):
        rule(one, other)


def test_senses_are_told_apart():
    bird, machine = name_forms("crane (bird)"), name_forms("Crane_(machine)")
    assert bird.stem == machine.stem == "crane"
    assert (bird.sense, machine.sense) == ("bird", "machine")
    assert name_forms("crane").sense == ""


def test_a_name_in_parentheses_only_is_a_name():
    assert name_forms("(sandals)")[1:] == ("sandal", "")


def test_there_is_a_form_for_each_rule_but_the_last():
    assert len(name_forms("x").forms) == len(RULES) - 1


def test_plural_and_singular_end_alike():
    pairs = """
    boxes:box churches:church dishes:dish buses:bus lenses:lens tomatoes:tomato horseshoes:horseshoe
    canoes:canoe berries:berry gloves:glove leaves:leaf children:child mice:mouse houses:house ties:tie
    dresses:dress toes:toe pianos:piano bananas:banana cookies:cookie atlases:atlas
    """
    for pair in pairs.split():
        plural, one = pair.split(":")
        assert singular(plural) == singular(one), pair


@pytest.mark.parametrize(
    "word", ["glass", "bus", "tennis", "gas", "glasses", "scissors", "iris", "octopus", "car", "tie"]
)
def test_words_that_are_no_plural_stay(word):
    assert singular(word) == word
