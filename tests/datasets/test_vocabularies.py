import pytest

from ovsam.datasets.vocabularies import get_vocabulary, is_vocabulary_name


@pytest.mark.parametrize(
    ("name", "num_classes", "num_base", "num_novel", "num_synonyms"),
    [
        ("shapes", 80, 48, 17, 80),
        ("shapes22k", 24_000, 48, 23_952, 24_000),
        ("coco_48_17", 80, 48, 17, 173),
        ("lvis_v1", 1203, 866, 337, 1825),
        ("v3det", 13_204, 13_204, 0, 13_204),
        ("objects365", 365, 365, 0, 365),
    ],
)
def test_counts(name, num_classes, num_base, num_novel, num_synonyms):
    vocabulary = get_vocabulary(name)
    assert len(vocabulary) == num_classes
    assert (len(vocabulary.base), len(vocabulary.novel)) == (num_base, num_novel)
    assert sum(map(len, vocabulary.classes)) == num_synonyms


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"'cocoa'; known: ade150, .*coco_48_17, .*shapes"):
        get_vocabulary("cocoa")


@pytest.mark.parametrize(
    ("alias", "name"), [("coco", "coco_48_17"), ("lvis", "lvis_v1"), ("ade847", "ade20k_847")]
)
def test_short_names(alias, name):
    assert get_vocabulary(alias) is get_vocabulary(name)
    assert is_vocabulary_name(alias)
    assert is_vocabulary_name(f"v3det+{alias}")
    assert not is_vocabulary_name(f"{alias}+")


def test_all_names_of_the_drawn_world_start_with_the_benchmark():
    every, few = get_vocabulary("shapes22k"), get_vocabulary("shapes")
    assert every.names[:80] == few.names
    assert every.base == few.base
    assert "black mushroom with white edges" in every.names


def test_published_category_ids_of_the_long_lists():
    v3det, objects = get_vocabulary("v3det"), get_vocabulary("objects365")
    assert v3det.names[v3det.label_of_category[1]] == "ashtray"
    assert v3det.names[v3det.label_of_category[13_204]] == "clothing"
    assert objects.names[objects.label_of_category[365]] == "Table Tennis"


@pytest.mark.parametrize("group", ["base", "novel"])
def test_every_colour_and_every_shape_is_in_both_groups_of_shapes(group):
    vocabulary = get_vocabulary("shapes")
    words = {word for label in getattr(vocabulary, group) for word in vocabulary.names[label].split()}
    assert words == {word for name in vocabulary.names for word in name.split()}
    assert len(words) == 18


def test_labels_of_shapes_are_frozen():
    vocabulary = get_vocabulary("shapes")
    assert vocabulary.names[13] == "orange star"
    assert vocabulary.category_ids[13] == 14
    assert sorted(vocabulary.novel)[:6] == [6, 7, 13, 14, 20, 21]
    assert {8, 9, 15, 16}.isdisjoint(vocabulary.evaluated)
    assert 77 in vocabulary.novel  # the 17th


def test_coco_is_in_the_order_of_its_category_ids():
    vocabulary = get_vocabulary("coco_48_17")
    assert list(vocabulary.category_ids) == sorted(vocabulary.category_ids)
    assert (vocabulary.category_ids[0], vocabulary.category_ids[-1]) == (1, 90)
    assert vocabulary.names[vocabulary.label_of_category[5]] == "airplane"
    assert vocabulary.label_of_category[5] in vocabulary.novel
    assert len(vocabulary.classes[0]) == 17  # "person" has the most synonyms
