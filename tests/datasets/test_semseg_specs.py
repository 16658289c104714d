"""The table of label-map data sets: consistent, and with the published numbers of classes."""

import pytest

from ovsam.datasets.semseg import describe_spec
from ovsam.datasets.semseg_specs import EVALUATION_SETS, SPECS, get_spec
from ovsam.structures.vocabulary import prompt_name


@pytest.mark.parametrize(
    ("name", "num_classes", "ignore_index", "bits", "num_images"),
    [
        ("coco_stuff_train", 171, 255, 8, 118_287),
        ("a150", 150, 255, 8, 2_000),
        ("a847", 847, 65_535, 16, 2_000),
        ("pc59", 59, 255, 8, 5_105),
        ("pc459", 459, 459, 16, 5_105),
        ("pas20", 20, 255, 8, 1_449),
        ("pas20b", 21, 255, 8, 1_449),
    ],
)
def test_published_numbers(name, num_classes, ignore_index, bits, num_images):
    spec = get_spec(name)
    assert (spec.num_classes, spec.ignore_index) == (num_classes, ignore_index)
    assert (spec.bits, spec.num_images) == (bits, num_images)
    assert len(spec.class_names) == len(set(spec.class_names)) == num_classes


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_row_is_consistent(spec):
    assert spec.ignore_index >= spec.num_classes
    assert spec.ignore_index < 2**spec.bits
    facts = describe_spec(spec)["semseg"]
    assert set(facts["seen"]).isdisjoint(facts["unseen"])
    assert max([*facts["seen"], *facts["unseen"]]) < spec.num_classes


def test_background_of_pas20b_follows_the_objects_and_has_39_prompts():
    spec = get_spec("pas20b")
    assert spec.class_names[18:] == ["train", "tvmonitor", "background"]
    assert len(spec.classes) == 59
    assert set(spec.classes.names) == set(get_spec("pc59").classes.names)
    assert describe_spec(spec)["semseg"]["unseen"] == []  # background is in neither group


def test_seen_classes_are_those_of_coco_stuff():
    spec = get_spec("a150")
    seen = [spec.class_names[i] for i in describe_spec(spec)["semseg"]["seen"]]
    assert {"wall", "sofa", "refrigerator", "television receiver"} <= set(seen)
    assert not {"chandelier", "lake", "sconce", "bannister"} & set(seen)


def test_prompt_is_the_first_synonym():
    assert prompt_name(get_spec("a847").class_names[1]) == "building"
    assert prompt_name("sea") == "sea"


def test_papers_evaluate_on_the_six_sets_with_another_vocabulary_than_training():
    titles = [get_spec(name).title for name in EVALUATION_SETS]
    assert titles == ["A-847", "PC-459", "A-150", "PC-59", "PAS-20", "PAS-20b"]
    assert "coco_stuff_171" not in {get_spec(name).vocabulary for name in EVALUATION_SETS}


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown data set 'ade'; known: coco_stuff_train"):
        get_spec("ade")
