"""Mean IoU against a slow reference: sizes, ignored pixels, absent classes, one and two processes."""

import itertools
import multiprocessing
import socket

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from ovsam.evaluation.semantic import SemanticMetric, labels_of_names, region_areas
from ovsam.structures.semantic_sample import SemanticSample

NAMES = ["cat", "dog", "fish", "crab", "bee"]
IGNORED = 255


def facts(**changes):
    found = dict(
        name="pets",
        title="Pets",
        class_names=NAMES,
        ignore_index=IGNORED,
        background=None,
        seen=[0, 2],
        unseen=[1, 3, 4],
    )
    return {**found, **changes}


def meta(classes=NAMES, **changes):
    return {"semseg": facts(**changes), "vocabulary": {"classes": [[name] for name in classes]}}


def sample(image_id, truth, predicted, visible=None):
    found = SemanticSample(metainfo=dict(img_id=image_id))
    found.gt_sem_seg = torch.as_tensor(np.asarray(truth))
    found.pred_sem_seg = torch.as_tensor(np.asarray(predicted))
    if visible is not None:
        found.gt_visible = torch.as_tensor(np.asarray(visible, np.float32))
    return found


def evaluate(samples, dataset_meta=None, **arguments):
    metric = SemanticMetric(**arguments)
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = meta() if dataset_meta is None else dataset_meta
    evaluator.process(samples)
    found = evaluator.evaluate(len(samples))
    return {key.removeprefix("semantic/"): value for key, value in found.items()}, metric


def random_samples(num=5, seed=0, labels=(0, 1, 2, 4)):
    """Images of different sizes; the class 3 never occurs, but is predicted."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(num):
        size = 7 + number, 11 - number
        truth = rng.choice([*labels, IGNORED], size)
        predicted = np.where(rng.random(size) < 0.6, truth, rng.integers(0, 5, size))
        predicted[predicted == IGNORED] = 3
        visible = np.where(truth == IGNORED, np.nan, rng.choice([1.0, 0.95, 0.8], size))
        samples.append(sample(f"image{number}", truth, predicted, visible))
    return samples


def slow_miou(samples, labels=range(5), counts=lambda number, row, column: True):
    """Pixel by pixel, class by class; percent."""
    ious = []
    for label in labels:
        both = either = occurs = 0
        for number, one in enumerate(samples):
            truth, predicted = one.gt_sem_seg.tolist(), one.pred_sem_seg.tolist()
            for row, column in itertools.product(range(len(truth)), range(len(truth[0]))):
                if truth[row][column] == IGNORED or not counts(number, row, column):
                    continue
                is_true, is_said = truth[row][column] == label, predicted[row][column] == label
                occurs += is_true
                both += is_true and is_said
                either += is_true or is_said
        if occurs:
            ious.append(both / either)
    return 100 * sum(ious) / len(ious)


def test_equals_the_slow_reference():
    samples = random_samples()
    found, _ = evaluate(samples)
    assert found["miou"] == pytest.approx(slow_miou(samples))
    assert found["miou_seen"] == pytest.approx(slow_miou(samples, [0, 2]))
    assert found["miou_unseen"] == pytest.approx(slow_miou(samples, [1, 3, 4]))
    assert (found["num_classes"], found["num_seen"], found["num_unseen"]) == (4, 2, 2)
    right = sum(
        int(((s.gt_sem_seg == s.pred_sem_seg) & (s.gt_sem_seg != IGNORED)).sum()) for s in samples
    )
    pixels = sum(int((s.gt_sem_seg != IGNORED).sum()) for s in samples)
    assert found["pixel_accuracy"] == pytest.approx(100 * right / pixels)


def test_hidden_parts_equal_the_slow_reference():
    samples = random_samples()
    found, metric = evaluate(samples)

    def shows(low, high):
        return lambda number, row, column: low < samples[number].gt_visible[row, column] <= high

    assert found["miou_whole"] == pytest.approx(slow_miou(samples, counts=shows(0.999, 1)))
    assert found["miou_partly_hidden"] == pytest.approx(slow_miou(samples, counts=shows(0.9, 0.999)))
    assert found["miou_much_hidden"] == pytest.approx(slow_miou(samples, counts=shows(0, 0.9)))
    parts = sum(metric.report.by_occlusion.values())
    assert (parts == metric.report.confusion).all()


def test_region_sizes_equal_the_slow_reference():
    samples = random_samples()
    found, metric = evaluate(samples, region_sizes=(2, 6))
    areas = [region_areas(s.gt_sem_seg.numpy(), s.gt_sem_seg.numpy() != IGNORED) for s in samples]

    def has(low, high):
        return lambda number, row, column: low <= areas[number][row, column] < high

    assert found["miou_small"] == pytest.approx(slow_miou(samples, counts=has(1, 2)))
    assert found["miou_medium"] == pytest.approx(slow_miou(samples, counts=has(2, 6)))
    assert found["miou_large"] == pytest.approx(slow_miou(samples, counts=has(6, 99)))
    assert (sum(metric.report.by_size.values()) == metric.report.confusion).all()


def test_regions_hang_together_by_corners_and_not_over_unknown_pixels():
    labels = np.array([[1, 0, 0, 1], [0, 1, 0, IGNORED], [0, 0, 0, 1]])
    areas = region_areas(labels, labels != IGNORED)
    assert areas.tolist() == [[2, 7, 7, 1], [7, 2, 7, 0], [7, 7, 7, 1]]


def test_padding_of_a_sampler_is_dropped():
    samples = random_samples()
    assert evaluate([*samples, *samples[:2]])[0] == evaluate(samples)[0]


def test_second_evaluation_equals_the_first():
    samples = random_samples()
    metric = SemanticMetric()
    metric.dataset_meta = meta()
    runs = []
    for _ in range(2):
        metric.process(None, [s.to_dict() for s in samples])
        runs.append(metric.evaluate(5))
    assert runs[0] == runs[1]


def _rank(rank, world_size, port, queue):
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world_size
    )
    samples = random_samples()
    share = [*samples, samples[0]][rank::world_size]  # padded to an even number
    queue.put((rank, evaluate(share)[0]))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_two_processes_equal_one():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    ranks = [context.Process(target=_rank, args=(rank, 2, port, queue)) for rank in range(2)]
    for rank in ranks:
        rank.start()
    found = dict(queue.get(timeout=60) for _ in ranks)
    for rank in ranks:
        rank.join(timeout=60)
    assert found[0] == evaluate(random_samples())[0]


def test_background_takes_all_other_prompts():
    dataset_meta = meta(
        classes=["cat", "dog", "sky", "sea"],
        class_names=["cat", "dog", "background"],
        background=2,
        seen=[0],
        unseen=[1],
    )
    found, metric = evaluate([sample("a", [[0, 1, 2, 2]], [[0, 1, 2, 3]])], dataset_meta)
    assert found["miou"] == 100
    assert metric.report.confusion.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0]]
    assert metric.report.groups == ["seen", "unseen", ""]


def test_vocabulary_of_the_model_in_another_order_and_with_more():
    names = ["owl", "bee", "crab", "fish", "dog", "cat"]
    one = [sample("a", [[0, 1, 2, 4]], [[5, 4, 3, 0]])]
    found, metric = evaluate(one, predicted_names=names)
    assert found["pixel_accuracy"] == 75
    assert metric.report.confusion[4].tolist() == [0, 0, 0, 0, 0, 1]  # owl is none of the classes
    assert found["miou"] == pytest.approx(75)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat", "dog", "fish"], r"lacks 2 of the 5 classes of Pets: 'crab', 'bee'; set"),
        ([], "has no classes"),
        ([*NAMES, "cat"], r"names occur twice: \['cat'\]"),
    ],
)
def test_vocabularies_that_do_not_fit(names, message):
    with pytest.raises(ValueError, match=message):
        labels_of_names(names, facts())


@pytest.mark.parametrize(
    ("predicted", "message"),
    [([[0, 1]], r"image a: the prediction has \(h, w\) = \(1, 2\)"), ([[0, 5, 1]], r"are 0\.\.5, the")],
)
def test_predictions_that_do_not_fit(predicted, message):
    with pytest.raises(ValueError, match=message):
        evaluate([sample("a", [[0, 1, 2]], predicted)])


def test_data_set_without_label_maps():
    with pytest.raises(ValueError, match=r"SemanticMetric needs \['semseg'\]"):
        evaluate([sample("a", [[0]], [[0]])], dict(vocabulary=dict(classes=[["cat"]])))
