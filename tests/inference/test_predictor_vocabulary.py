"""The names that a predictor answers with: of a call, of files, with stored embeddings and parents."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ovsam.inference import pretrained
from ovsam.inference.predictor import Predictor
from ovsam.models.text.embeddings_file import write_embeddings
from ovsam.structures.sample import PromptSample
from ovsam.structures.user_prompts import prompts_from_user
from ovsam.structures.vocabulary import Vocabulary
from tests.inference.predictors import BOX, HEIGHT, WIDTH


def test_vocabulary_of_a_call_leaves_the_predictors_own(predictor):
    predictor.set_vocabulary(["cat", "dog", "🦄 <b>bold</b>"])
    own = predictor.predict(points=[30, 40])
    assert own.class_names == ("cat", "dog", "🦄 <b>bold</b>")
    other = predictor.predict(points=[30, 40], vocabulary=["bird"])
    assert other.names == ["bird"]
    again = predictor.predict(points=[30, 40])
    assert again.top == own.top
    np.testing.assert_array_equal(other.masks, own.masks)
    predictor.set_vocabulary(None)
    assert len(predictor.predict(points=[30, 40]).class_names) == 80


def test_trained_base_names_are_base_and_others_novel(predictor):
    predictor.set_vocabulary(["Red Circle", "zebra"])
    assert predictor.vocabulary.base == {0}
    assert predictor.vocabulary.novel == {1}


def test_many_words_and_only_the_last_vocabularies_are_kept(predictor, monkeypatch):
    found = predictor.predict(points=[30, 40], vocabulary=[f"word {i}" for i in range(100)])
    assert len(found.class_names) == 100
    monkeypatch.setattr(predictor, "max_classes", 100)
    with pytest.raises(ValueError, match="more than 100 classes"):
        predictor.predict(points=[30, 40], vocabulary=[f"word {i}" for i in range(101)])
    for i in range(12):
        predictor.predict(points=[30, 40], vocabulary=[f"other {i}"])
    assert len(predictor._classifiers) == 7  # beside the model's own
    assert predictor.predict(points=[30, 40]).class_names == tuple(predictor.vocabulary.names)


def test_embeddings_are_those_of_the_names(predictor):
    """The best name's text embedding is the nearest one by the head alone."""
    found = predictor.predict(points=[[[30, 40]], [[100, 90]]])
    embeddings = predictor.model.classifier.embeddings
    cosines = torch.from_numpy(found.embeddings) @ embeddings[:, 0].t()
    encoded = predictor._images[0]
    sample = PromptSample(metainfo={"img_shape": encoded.img_shape, "ori_shape": encoded.size})
    sample.prompts = _scaled(predictor, [[[30, 40]], [[100, 90]]])
    masks = predictor.model.predict_masks(encoded.features, [sample])
    raw = predictor.model.name_masks(encoded.features, [sample], masks)
    expected = F.normalize(raw.region_vectors, dim=1) @ embeddings[:, 0].t()
    torch.testing.assert_close(cosines, expected)
    torch.testing.assert_close(100 * cosines, raw.head_logits[:, :-1], atol=1e-3, rtol=1e-4)


def test_ready_vocabulary_is_taken_as_it_is(predictor):
    given = Vocabulary("own", (("cat", "kitty"), ("dog",)), base=frozenset({1}), novel=frozenset({0}))
    predictor.set_vocabulary(given)
    assert predictor.vocabulary is given
    assert predictor.predict(points=[30, 40]).class_names == ("cat", "dog")


@pytest.fixture
def stored_names(predictor, tmp_path):
    """A file of embeddings of three names."""
    own = predictor.model.classifier
    words = predictor.read_vocabulary([("cat", "puss"), "dog", "red circle"])
    path = tmp_path / "three.safetensors"
    write_embeddings(own.with_vocabulary(words), path)
    return path


def test_names_from_a_file_of_embeddings_run_no_text_encoder(predictor, stored_names, monkeypatch):
    expected = predictor.predict(boxes=BOX, vocabulary=[("cat", "puss"), "dog", "red circle"])
    predictor._classifiers.clear()
    encoder = predictor.model.classifier.text_encoder
    monkeypatch.setattr(encoder, "encode", lambda *_: pytest.fail("the text encoder ran"))
    for given in ("set", "call", "beside"):
        predictor._classifiers.clear()
        if given == "set":
            predictor.set_vocabulary(stored_names)
        elif given == "beside":
            predictor.set_vocabulary([("cat", "puss"), "dog", "red circle"], embeddings=stored_names)
        words = str(stored_names) if given == "call" else None
        found = predictor.predict(boxes=BOX, vocabulary=words)
        assert found.class_names == expected.class_names
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)
        np.testing.assert_array_equal(found.labels, expected.labels)
        predictor.set_vocabulary(None)


def test_embeddings_of_other_names_or_weights_are_refused(predictor, stored_names):
    with pytest.raises(ValueError, match="does not belong to vocabulary 'custom'"):
        predictor.set_vocabulary(["cat", "dog"], embeddings=stored_names)
    with pytest.raises(ValueError, match="give both"):
        predictor.set_vocabulary(None, embeddings=stored_names)
    torch.manual_seed(99)
    other = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu")
    with pytest.raises(ValueError, match="is of another model: this one has text weights"):
        other.set_vocabulary(stored_names)
    assert other.vocabulary.name == "shapes"


def test_a_known_list_is_split_once(predictor, monkeypatch):
    first = predictor.read_vocabulary("coco")
    monkeypatch.setattr(pretrained, "read_vocabulary", lambda *_: pytest.fail("split again"))
    assert predictor.read_vocabulary("coco") is first


def test_parents_sum_the_probabilities_of_all_names(predictor):
    names = ["red star", "red bar", "blue bar", "cat"]
    found = predictor.predict(boxes=BOX * 2, vocabulary=names, top_k=4, parents="shapes")
    for top, groups in zip(found.top, found.groups, strict=True):
        probs, levels = dict(top), {level: (group, prob) for level, group, prob in groups}
        colours = {"red": probs["red star"] + probs["red bar"], "blue": probs["blue bar"]}
        group, prob = levels["colour"]
        assert group == max(colours, key=colours.get)
        assert prob == pytest.approx(colours[group], rel=1e-4)
        assert levels["pattern"][0] == "plain"
        assert "pattern colour" not in levels
    assert found.rows([1]).groups == found.groups[1:]
    assert predictor.predict(boxes=BOX).groups == ()
    tree = {"cat": "animal"}
    assert predictor.predict(boxes=BOX, vocabulary=names, parents=tree).groups[0][0][:2] == (
        "parent", "animal",
    )  # fmt: skip


def _scaled(predictor, points):
    """Prompts of clicks [N, n, 2] in px of the picture, in the frame of the model."""
    prompts = prompts_from_user(points, size=(HEIGHT, WIDTH))
    return prompts.scaled(predictor._images[0].scale_xy, "resized")
