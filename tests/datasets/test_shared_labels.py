"""Labels of a list in a vocabulary that data sets share, and what joint training learns."""

import pytest

from ovsam.datasets.shapes.classes import BASE_LABELS, BOXED_LOOKS, CLASS_NAMES
from ovsam.datasets.shared_labels import learnt_from, shared_labels
from ovsam.datasets.vocabularies import get_merged_vocabulary, get_vocabulary, image_counts


def test_a_list_keeps_its_names():
    own = get_vocabulary("shapes_boxes")
    whole, labels = shared_labels(own, "shapes22k")
    assert [whole.names[label] for label in labels] == own.names


def test_a_merged_vocabulary_gives_the_labels_of_its_lists():
    whole, labels = shared_labels(get_vocabulary("objects365"), "lvis+objects365")
    assert labels == get_merged_vocabulary("lvis_v1+objects365").labels_of("objects365")
    assert len(whole) > 1203


def test_a_vocabulary_that_lacks_a_class_is_refused():
    with pytest.raises(ValueError, match="'shapes' lacks 1235 of the 1235 classes of 'shapes_boxes'"):
        shared_labels(get_vocabulary("shapes_boxes"), "shapes")


def test_base_is_what_the_data_sets_teach():
    learnt = learnt_from(name="shapes22k", lists=["shapes", "shapes_boxes"])
    names = {learnt.names[label] for label in learnt.base}
    assert names == {CLASS_NAMES[n] for n in BASE_LABELS} | {look.name for look in BOXED_LOOKS}
    assert learnt.classes == get_vocabulary("shapes22k").classes
    assert learnt.base | learnt.novel == frozenset(range(24000))


def test_pictures_of_each_class_of_lvis():
    counts, vocabulary = image_counts("lvis"), get_vocabulary("lvis")
    assert len(counts) == len(vocabulary)
    # LVIS: rare classes are in 1 to 10 pictures, common ones in 11 to 100.
    assert all((counts[label] <= 10) == (label in vocabulary.novel) for label in range(1203))
    with pytest.raises(ValueError, match="'v3det' are not known; those of lvis_v1 are"):
        image_counts("v3det")
