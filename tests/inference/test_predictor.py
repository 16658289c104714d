"""The predictor on the miniature's architecture with random weights."""

import threading

import numpy as np
import pytest
from mmengine.config import Config

from ovsam.cli import find_config
from ovsam.inference.answers import logits_of_masks
from ovsam.inference.predictor import Predictor
from ovsam.registry import TRANSFORMS
from tests.inference.predictors import HEIGHT, PICTURE, WIDTH, build


def test_answers_what_the_test_command_answers(predictor):
    """The data pipeline and the segmentor's own predict, as tools/test.py runs them, box and click."""
    config = Config.fromfile(str(find_config("mini/ovsam_rn")))
    boxes = np.array([[10, 20, 90, 140], [60, 5, 160, 80]], np.float32)
    masks = np.zeros((2, HEIGHT, WIDTH), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.astype(int), strict=True):
        mask[y0:y1, x0:x1] = True
    size = {"img_shape": (HEIGHT, WIDTH), "ori_shape": (HEIGHT, WIDTH), "scale_factor": (1.0, 1.0)}
    for kind in ("box", "center_point"):
        results = {"img": PICTURE, "bboxes": boxes, "masks": masks, "labels": np.array([1, 2]), **size}
        results |= {"img_id": 1, "img_path": "p", "sample_seed": 0, "rng": np.random.default_rng(0)}
        for step in config.test_dataloader.dataset.pipeline[2:]:
            step = {**step, **({"kind": kind} if "kind" in step else {})}
            results = TRANSFORMS.build(step).transform(results)
        sample = results["data_samples"]
        batch = predictor.model.data_preprocessor(
            {"inputs": [results["inputs"]], "data_samples": [sample]}
        )
        expected = predictor.model(**batch, mode="predict")[0].pred_instances
        scale = np.array(sample.scale_factor, np.float32)
        if kind == "box":
            found = predictor.predict(boxes=boxes)
        else:
            found = predictor.predict(points=sample.prompts.coordinates[:, :1].numpy() / scale)
        assert expected.masks.any()
        np.testing.assert_array_equal(found.masks, expected.masks.numpy())
        np.testing.assert_array_equal(found.labels, expected.labels.numpy())
        np.testing.assert_allclose(found.scores, expected.scores.numpy(), atol=1e-6)


def test_parts_are_compiled_where_it_is_asked_for(shared_predictor):
    asked = Predictor.from_pretrained("mini/ovsam_rn", weights="none", device="cpu", compile=True)
    for predictor, compiles in ((asked, True), (shared_predictor, False)):
        parts = (predictor.model.neck, predictor.model.mask_decoder.decoder)
        assert [part.is_compiled for part in parts] == [compiles] * 2


def test_second_prompt_runs_no_encoder(predictor):
    ran = []
    hooks = [
        getattr(predictor.model, part).register_forward_hook(lambda *_, part=part: ran.append(part))
        for part in ("backbone", "neck", "pyramid")
    ]
    before = predictor.num_encoder_runs
    predictor.set_image(PICTURE)
    assert sorted(ran) == ["backbone", "neck", "pyramid"]
    for x in (20, 60, 100):
        predictor.predict(points=[x, 50])
    assert len(ran) == 3
    assert predictor.num_encoder_runs == before + 1
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("config", ["mini/ovsam_rn", "mini/image_crop", "mini/ovsam_class_token"])
def test_only_wanted_masks_are_named(config):
    predictor = build(config)
    predictor.set_image(PICTURE)
    points = [[[30, 40]], [[100, 90]], [[5, 140]], [[60, 60]]]
    all_of_them, told, named = predictor.predict(points=points), [], []
    classifier = predictor.model.classifier
    hook = classifier.register_forward_hook(lambda _, inputs, __: named.append(len(inputs[0])))

    def wanted(masks):
        told.append(masks)
        return np.array([False, True, False, True])

    some = predictor.predict(points=points, wanted=wanted)
    hook.remove()
    assert set(named) == {2}
    assert told[0].labels is None
    np.testing.assert_array_equal(told[0].masks, all_of_them.masks)
    assert some.prompt_index.tolist() == [1, 3]
    expected = all_of_them.rows(np.array([1, 3]))
    np.testing.assert_array_equal(some.masks, expected.masks)
    np.testing.assert_array_equal(some.labels, expected.labels)
    np.testing.assert_allclose(some.scores, expected.scores, atol=1e-6)
    np.testing.assert_allclose(some.embeddings, expected.embeddings, atol=1e-5)
    none = predictor.predict(points=points, wanted=lambda masks: np.zeros(len(masks), bool))
    assert (len(none), none.names, none.top) == (0, [], ())
    assert none.class_names == all_of_them.class_names


def test_rows_say_what_they_are(predictor):
    found = predictor.predict(points=[[[30, 40]], [[100, 90]], [[5, 140]]], top_k=3)
    assert found.masks.shape == (3, HEIGHT, WIDTH)
    assert found.prompt_index.tolist() == [0, 1, 2]
    assert [len(row) for row in found.top] == [3, 3, 3]
    for row in range(3):
        name, score = found.top[row][0]
        assert name == found.names[row]
        assert score == pytest.approx(float(found.scores[row]))
        assert [s for _, s in found.top[row]] == sorted((s for _, s in found.top[row]), reverse=True)
        ys, xs = np.nonzero(found.masks[row])
        box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] if len(xs) else [0, 0, 0, 0]
        assert found.boxes[row].tolist() == box
    norms = np.linalg.norm(found.embeddings, axis=1)
    np.testing.assert_allclose(norms[norms > 0], 1, atol=1e-5)


def test_prompts_of_different_kinds_and_lengths_equal_single_ones(predictor):
    together = predictor.predict(points=[[[30, 40], [60, 70]], [[100, 90]]], point_labels=[[1, 0], [1]])
    for row, (points, labels) in enumerate([([[30, 40], [60, 70]], [1, 0]), ([[100, 90]], [1])]):
        alone = predictor.predict(points=points, point_labels=labels)
        np.testing.assert_allclose(alone.mask_logits[0], together.mask_logits[row], atol=1e-4)
    boxed = predictor.predict(points=[30, 40], boxes=[10, 20, 90, 140])
    plain = predictor.predict(boxes=[10, 20, 90, 140])
    assert np.abs(boxed.mask_logits - plain.mask_logits).max() > 1e-3


def test_several_pictures_equal_single_ones(predictor):
    others = [PICTURE, PICTURE[:80, :150, ::-1], PICTURE[20:, :60]]
    predictor.set_images(others)
    for index, picture in enumerate(others):
        found = predictor.predict(points=[30, 40], image=index)
        alone = predictor.predict(points=[30, 40], image=predictor.encode(picture))
        np.testing.assert_allclose(found.mask_logits, alone.mask_logits, atol=1e-4)
        assert found.masks.shape[1:] == picture.shape[:2]


def test_a_previous_mask_takes_part(predictor):
    first = predictor.predict(points=[30, 40])
    second = predictor.predict(points=[[30, 40], [90, 30]], masks=first.mask_logits[0])
    without = predictor.predict(points=[[30, 40], [90, 30]])
    assert np.abs(second.mask_logits - without.mask_logits).max() > 1e-3
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[30:90, 20:100] = True
    size = tuple(predictor.model.prompt_encoder.mask_input_size)
    encoded = predictor.encode(PICTURE)
    logits = logits_of_masks(mask, 1, encoded.size, img_shape=encoded.img_shape, side=192, grid=size)
    grid = logits[0, 0].numpy() > 0
    cell = 192 / grid.shape[0]
    scale = 192 / WIDTH
    assert grid[int(60 * scale / cell), int(60 * scale / cell)]
    assert grid.mean() == pytest.approx(60 * 80 * scale**2 / 192**2, rel=0.1)
    assert not grid[: int(29 * scale / cell)].any()


def test_several_masks_with_quality():
    predictor = build("mini/ovsam_multimask")
    predictor.set_image(PICTURE)
    assert predictor.num_mask_tokens == 4
    found = predictor.predict(points=[[[30, 40]], [[100, 90]]], multimask=True)
    assert found.prompt_index.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.quality.shape == (6,)
    assert len(found.top) == 6
    best = found.best()
    assert best.prompt_index.tolist() == [0, 1]
    assert best.quality.tolist() == [found.quality[:3].max(), found.quality[3:].max()]
    one = predictor.predict(points=[30, 40])
    assert len(one) == 1
    assert np.abs(one.mask_logits[0] - found.mask_logits[:3]).max(axis=(1, 2)).min() > 1e-3


def test_models_that_only_segment():
    predictor = build("mini/sam_vit")
    predictor.set_image(PICTURE)
    found = predictor.predict(boxes=[10, 20, 90, 140])
    assert found.names == [""]
    assert found.labels is None
    assert found.embeddings is None
    with pytest.raises(ValueError, match="only segments"):
        predictor.predict(boxes=[10, 20, 90, 140], vocabulary=["cat"])
    with pytest.raises(ValueError, match="only segments"):
        predictor.set_vocabulary(["cat"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to segment"),
        ({"points": [WIDTH, 5]}, "outside the image of 168 x 153 px"),
        ({"points": [float("nan"), 5]}, "not a finite number"),
        ({"boxes": [5, 5, 5, 9]}, "has no area"),
        ({"boxes": [50, 50, 5, 9]}, "corners reversed"),
        ({"points": [3, 3], "multimask": True}, "one mask per prompt"),
        ({"points": [3, 3], "vocabulary": []}, "vocabulary is empty"),
        ({"points": [3, 3], "vocabulary": [" "]}, "vocabulary is empty"),
        ({"points": [3, 3], "vocabulary": "cat"}, "give several names as a list"),
        ({"points": [3, 3], "masks": np.zeros((5, 6))}, "masks must be logits"),
        ({"points": [3, 3], "top_k": 0}, "top_k must be 1 or more"),
        ({"points": [3, 3], "top_k": 2.5}, "top_k must be 1 or more, got 2.5"),
        ({"points": [3, 3], "top_k": "a"}, "top_k must be 1 or more, got 'a'"),
        ({"points": [3, 3], "image": "a"}, "or what encode returned, got 'a'"),
        ({"points": [3, 3], "vocabulary": 5}, "a list of names, a file or a known list, got 5"),
        ({"points": [3, 3], "image": 4}, "image must be 0..0"),
        ({"points": np.zeros((6000, 1, 2))}, "6,000 prompts in one call, at most 5,000"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(predictor, arguments, message):
    before = predictor.predict(points=[30, 40])
    with pytest.raises(ValueError, match=message):
        predictor.predict(**arguments)
    after = predictor.predict(points=[30, 40])
    np.testing.assert_array_equal(before.masks, after.masks)
    assert before.top == after.top


def test_masks_that_would_fill_the_memory_are_refused(predictor):
    encoded = predictor.encode(np.zeros((4000, 5000, 3), np.uint8))
    with pytest.raises(ValueError, match="at most 214 at once"):
        predictor.predict(points=np.zeros((300, 1, 2)), image=encoded)


def test_pictures_come_first():
    with pytest.raises(ValueError, match="call set_image first"):
        Predictor(build().model).predict(points=[3, 3])


def test_threads_with_own_pictures_and_vocabularies_do_not_mix(predictor):
    users = {"cat": PICTURE, "dog": np.ascontiguousarray(PICTURE[:, ::-1]), "bird": PICTURE[:90]}
    alone, errors = {}, []
    for word, picture in users.items():
        alone[word] = predictor.predict(
            points=[30, 40], vocabulary=[word, "thing"], image=predictor.encode(picture)
        )

    def use(word):
        try:
            encoded = predictor.encode(users[word])
            for _ in range(5):
                found = predictor.predict(points=[30, 40], vocabulary=[word, "thing"], image=encoded)
                assert found.top == alone[word].top
                np.testing.assert_array_equal(found.masks, alone[word].masks)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(word,)) for word in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.seconds
def test_memory_does_not_grow_over_200_requests(predictor, resident_kilobytes):
    def use(number):
        for i in range(number):
            predictor.set_image(PICTURE)
            predictor.predict(points=[30, 40], vocabulary=[f"word {i // 5}", "dog"])

    use(15)
    before = resident_kilobytes()
    use(200)
    assert resident_kilobytes() - before < 20_000
    predictor.set_vocabulary(None)
