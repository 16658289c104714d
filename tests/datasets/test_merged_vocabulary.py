import pytest

from ovsam.datasets.class_keys import RULES, SPELLING
from ovsam.datasets.merged_vocabulary import merge_vocabularies, num_chained
from ovsam.datasets.vocabularies import get_merged_vocabulary, get_vocabulary
from ovsam.structures.vocabulary import Vocabulary


def words(name, *classes, base=(), novel=()):
    rows = tuple((c,) if isinstance(c, str) else tuple(c) for c in classes)
    return Vocabulary(name, rows, base=frozenset(base), novel=frozenset(novel))


def merged(*lists, **options):
    return merge_vocabularies(lists, **options)


def why(result):
    return [(m.name, m.joined, m.rule) for m in result.merges]


def test_tricky_names_of_two_lists():
    one = words("one", "traffic_light", "bus_(vehicle)", "glasses", "Sneakers", "tea pot", "the alphorn")
    two = words("two", "glass", "Traffic light", "teapot", "bus", "sneaker", "alphorn")
    result = merged(one, two)
    assert result.labels == ((0, 1, 2, 3, 4, 5), (6, 0, 7, 1, 3, 5))
    assert result.vocabulary.names == [*one.names, "glass", "teapot"]
    assert why(result) == [
        ("Traffic light", "traffic_light", "underscore"),
        ("bus", "bus_(vehicle)", "parenthesis"),
        ("sneaker", "Sneakers", "plural"),
        ("alphorn", "the alphorn", "article"),
    ]
    assert result.vocabulary.classes[1] == ("bus_(vehicle)", "bus")
    assert result.labels_of("two") == result.labels[1]


def test_a_plain_name_meets_no_sense_where_there_are_two():
    senses = words("senses", "crane (bird)", "crane (machine)")
    result = merged(senses, words("plain", "Crane"), words("other", "crane", "crane_(birds)"))
    assert result.labels == ((0, 1), (2,), (2, 0))
    assert [m.rule for m in result.merges] == ["case", "plural"]


def test_one_list_with_the_plain_name_and_a_sense_shows_two_senses():
    result = merged(words("one", "bat", "bat (animal)"), words("two", "Bat (animal)", "bat"))
    assert result.labels == ((0, 1), (1, 0))
    result = merged(words("one", "bat (animal)"), words("two", "bat", "bat (animal)"))
    assert result.labels == ((0,), (1, 0))


def test_the_word_for_a_sense_wins_over_the_plain_word():
    lvis = words("lvis", ("mouse_(computer_equipment)", "computer_mouse"))
    result = merged(words("v3det", "mouse", "Computer mouse"), lvis)
    assert result.labels == ((0, 1), (1,))


def test_homonyms_of_one_list_join_nothing():
    bass = words("senses", ("sea fish", "bass"), ("big violin", "bass"))
    result = merged(words("plain", "bass"), bass)
    assert result.labels == ((0,), (1, 2))
    assert [(a.name, a.candidates) for a in result.ambiguities] == [("bass", ("bass",))] * 2


def test_two_candidates_alike_are_none():
    result = merged(words("one", ("tram", "car"), ("auto", "car")), words("two", "car"))
    assert result.labels == ((0, 1), (2,))
    assert result.ambiguities[0].candidates == ("tram", "auto")
    # a name that stands earlier decides
    result = merged(words("one", ("tram", "car"), ("car", "auto")), words("two", "car"))
    assert result.labels == ((0, 1), (1,))


def test_a_shared_synonym_does_not_chain_the_classes_of_one_list():
    result = merged(words("one", "cab", "taxi"), words("two", ("taxi", "cab")), words("three", "cab"))
    assert result.labels == ((0, 1), (1,), (0,))


def test_each_class_takes_one_of_a_list():
    result = merged(words("one", ("sofa", "couch")), words("two", "couch", "sofa"))
    assert result.labels == ((0,), (1, 0))  # not both


def test_text_cannot_tell_the_doubles_of_a_list_apart():
    result = merged(words("one", "battery", "timer", "Battery"), words("two", "timers", "timer"))
    assert result.labels == ((0, 1, 0), (2, 1))  # plural and singular of one list stay two
    assert why(result)[0] == ("Battery", "battery", "case")


def test_raw_names_are_split_as_for_the_text_encoder():
    result = merged(words("one", "Cabinet/shelf", "tape_(cloth_or_paper)"), words("two", "shelves"))
    assert result.labels[1] == (0,)
    assert result.vocabulary.classes[0] == ("Cabinet/shelf", "shelves")


def test_base_of_one_is_base_of_all():
    one = words("one", "cat", "dog", "cow", base=[0], novel=[1, 2])
    two = words("two", "dogs", "cats", "fox", base=[0], novel=[1, 2])
    vocabulary = merged(one, two).vocabulary
    assert vocabulary.names == ["cat", "dog", "cow", "fox"]
    assert (vocabulary.base, vocabulary.novel) == ({0, 1}, {2, 3})


def test_a_name_that_is_shown_already_gets_its_list():
    two = words("two", ("bass", "eel"), ("bass ", "cod"))  # homonyms: neither joins by "bass"
    result = merged(words("one", "bass", "x"), two)
    assert result.vocabulary.names == ["bass", "x", "bass (two)", "bass "]


def test_fewer_rules_merge_less():
    lists = words("one", "Cat", "dogs", "bus (vehicle)"), words("two", "cat", "dog", "bus")
    sizes = [len(merged(*lists, rules=RULES[:n]).vocabulary) for n in range(3, 8)]
    assert sizes == [5, 5, 5, 4, 3]


def test_the_report_counts():
    report = merged(words("one", "cat", "Cat"), words("two", "cats", "cow"), name="both").report()
    assert (report["vocabulary"], report["classes"]) == ("both", 2)
    assert report["lists"][0]["joined_by_rule"] == {"case": 1}
    assert report["lists"][1]["joined_by_rule"] == {"plural": 1}
    assert [row["new"] for row in report["lists"]] == [1, 1]
    assert report["merges"][1] == dict(
        source="two", name="cats", joined="cat", joined_source="one", rule="plural"
    )


def test_chained_classes_are_counted():
    lists = words("a", "crane (bird)", "crane (machine)", "hoist"), words("b", ("hoist", "Crane"), "cat")
    assert num_chained(lists) == 2
    assert len(merged(*lists).vocabulary) == 4


def test_bad_input():
    one = words("one", "cat")
    with pytest.raises(ValueError, match="different names"):
        merged(one, one)
    with pytest.raises(ValueError, match="different names"):
        merged()
    with pytest.raises(ValueError, match="first 3 or more"):
        merged(one, rules=SPELLING[1:])
    with pytest.raises(ValueError, match=r"no list 'two'; it has one"):
        merged(one).labels_of("two")
    with pytest.raises(ValueError, match="class 0 has no name with text"):
        merged(words("one", "/"))


def test_v3det_and_lvis_by_spelling_give_the_published_size_but_for_one():
    # Published: 13,844 (Open-Vocabulary SAM, table 5).
    lists = get_vocabulary("v3det"), get_vocabulary("lvis")
    assert len(merge_vocabularies(lists, rules=SPELLING).vocabulary) == 13_843


def test_named_lists_are_merged_by_a_plus():
    vocabulary = get_vocabulary("coco+objects365")
    assert vocabulary is get_vocabulary("coco_48_17+objects365")
    result = get_merged_vocabulary("coco+objects365")
    assert vocabulary.name == "coco_48_17+objects365"
    traffic_light = get_vocabulary("objects365").names.index("Traffic Light")
    assert vocabulary.names[result.labels_of("objects365")[traffic_light]] == "traffic light"
    with pytest.raises(ValueError, match="unknown vocabulary 'nothing'"):
        get_vocabulary("coco+nothing")
    with pytest.raises(ValueError, match="different names"):
        get_vocabulary("coco+coco_48_17")
