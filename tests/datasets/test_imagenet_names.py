import pytest

from ovsam.datasets.imagenet_names import (
    SYNSET_FILES,
    definition_of,
    imagenet_vocabulary,
    sense_of,
    synset_of,
    synset_vocabulary,
)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("imagenet21k", 21_843),
        ("imagenet22k", 21_841),
        ("imagenet21k_p", 11_221),
        ("imagenet21k_p_winter", 10_450),
        ("imagenet1k", 1_000),
    ],
)
def test_sizes_of_the_lists_that_timm_has(name, size):
    vocabulary = imagenet_vocabulary(name)
    assert len(vocabulary) == len(vocabulary.base) == size
    assert set(SYNSET_FILES) >= {name}


def test_homonyms_get_their_definitions():
    vocabulary = synset_vocabulary(["n02012849", "n03126707", "n01440764"], "cranes")
    assert vocabulary.classes == (
        ("crane (large long-necked wading bird of marshes and plains in many parts of the world)",),
        ("crane (lifts and moves heavy objects)",),
        ("tench", "Tinca tinca"),
    )
    assert synset_of(vocabulary.category_ids[2]) == "n01440764"
    assert definition_of("n03126707").startswith("lifts and moves heavy objects; ")


def test_a_class_has_one_name_in_every_list():
    assert synset_vocabulary(["n03126707"], "one").names == ["crane (lifts and moves heavy objects)"]


def test_a_sense_is_short_and_without_parentheses():
    assert sense_of("(biology) an ape; a kind") == "biology an ape"
    assert len(sense_of("word " * 50)) <= 100
    assert sense_of("word " * 50).endswith("word")


@pytest.mark.parametrize(
    ("synsets", "message"),
    [
        (["n01440764", "n01440764"], "occur twice"),
        (["tench"], "expected synsets such as n01440764, got .'tench'"),
        (["n99999999"], "1 synsets have no name in timm's list"),
    ],
)
def test_bad_synsets(synsets, message):
    with pytest.raises(ValueError, match=message):
        synset_vocabulary(synsets, "bad")


def test_no_definition():
    with pytest.raises(ValueError, match="no definition"):
        definition_of("n99999999")
