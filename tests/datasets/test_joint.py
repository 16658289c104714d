"""Joint training: one data set per batch, weights, passes, places of several pictures, processes."""

from collections import Counter

import mmengine.dataset.sampler
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from ovsam.datasets.image_folders import ClassFolders
from ovsam.datasets.joint import JointDataset, joint_collate
from ovsam.datasets.joint_sampler import JointSampler, batches_of_each
from ovsam.engine.runner import Runner
from ovsam.structures.sample import PromptSample
from ovsam.structures.vocabulary import Vocabulary

CLASSES = Vocabulary.from_names(["cat", "dog"])
SIZES = {"masks": 12, "boxes": 7, "labels": 50}


class Numbers:
    """A data set whose pictures are numbers."""

    metainfo: dict = {}

    def __init__(self, size, vocabulary=CLASSES):
        self.size, self.vocabulary, self.epoch = size, vocabulary, 0
        self.skipped = {"broken": size % 2} if size % 2 else {}

    def __len__(self):
        return self.size

    def set_epoch(self, epoch):
        self.epoch = epoch

    def image_id(self, index):
        return index

    def __getitem__(self, index):
        return {"inputs": index, "data_samples": PromptSample(metainfo={"img_id": index})}


def joint(**options):
    return JointDataset(datasets={name: Numbers(size) for name, size in SIZES.items()}, **options)


def sampler_of(monkeypatch, rank=0, processes=1, batch_size=4, **options):
    monkeypatch.setattr(mmengine.dataset.sampler, "get_dist_info", lambda: (rank, processes))
    data = joint(weights={"masks": 1, "boxes": 2, "labels": 1}, pictures={"labels": 3})
    return JointSampler(data, batch_size=batch_size // processes, batches=8, seed=3, **options)


def batches(sampler, batch_size=4):
    places = list(sampler)
    return [places[start : start + batch_size] for start in range(0, len(places), batch_size)]


def sources(sampler, batch):
    return {sampler.dataset.place(index)[0] for place in batch for index in place}


def test_a_batch_has_one_data_set_and_each_comes_as_often_as_its_weight_says(monkeypatch):
    sampler = sampler_of(monkeypatch)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        found = [sources(sampler, batch) for batch in batches(sampler)]
        assert all(len(one) == 1 for one in found)
        orders.append([one.pop() for one in found])
        assert Counter(orders[-1]) == {0: 2, 1: 4, 2: 2}
    assert orders[0] != orders[1] != orders[2]


def test_no_picture_comes_again_before_all_have_come(monkeypatch):
    sampler = sampler_of(monkeypatch)
    seen = {number: [] for number in range(3)}
    for epoch in range(9):
        sampler.set_epoch(epoch)
        for batch in batches(sampler):
            for place in batch:
                for index in place:
                    number, inner = sampler.dataset.place(index)
                    seen[number].append(inner)
    assert [len(seen[number]) for number in range(3)] == [9 * 2 * 4, 9 * 4 * 4, 9 * 2 * 4 * 3]
    for number, size in enumerate(SIZES.values()):
        turns = [seen[number][start : start + size] for start in range(0, len(seen[number]), size)]
        assert all(sorted(turn) == list(range(size)) for turn in turns[:-1])
        assert turns[0] != turns[1]


def test_a_place_has_as_many_pictures_as_its_data_set_gives(monkeypatch):
    sampler = sampler_of(monkeypatch)
    loader = DataLoader(
        sampler.dataset, sampler=sampler, batch_size=4, drop_last=True, collate_fn=joint_collate
    )
    assert len(loader) == 8
    for batch in loader:
        (name,) = {sample.data_set for sample in batch["data_samples"]}
        assert len(batch["inputs"]) == {"masks": 4, "boxes": 4, "labels": 12}[name]


@pytest.mark.parametrize("done", [0, 5])
def test_processes_draw_the_same_data_set_and_together_the_same_batches(monkeypatch, done):
    whole = batches(sampler_of(monkeypatch))[done:]
    ranks = []
    for rank in (0, 1):
        sampler = sampler_of(monkeypatch, rank, 2)
        sampler.start_at(2 * done)
        ranks.append(batches(sampler, 2))
    assert [sources(sampler, batch) for batch in ranks[0]] == [sources(sampler, b) for b in ranks[1]]
    assert [sorted(a + b) for a, b in zip(*ranks, strict=True)] == [sorted(batch) for batch in whole]


def test_whole_batches_are_shared_out_by_largest_remainders():
    assert batches_of_each([0.5, 0.3, 0.2], 10) == [5, 3, 2]
    assert batches_of_each([0.5, 0.3, 0.2], 4) == [2, 1, 1]  # 2.0, 1.2, 0.8
    assert batches_of_each([0.45, 0.45, 0.1], 3) == [2, 1, 0]  # of equal remainders the first


def test_a_data_set_without_a_batch_is_refused(monkeypatch):
    monkeypatch.setattr(mmengine.dataset.sampler, "get_dist_info", lambda: (0, 1))
    with pytest.raises(ValueError, match=r"has none of data set 'boxes'.*raise sampler.batches"):
        JointSampler(joint(weights={"boxes": 0.01}), batch_size=4, batches=10, seed=0)


def test_the_runner_tells_the_sampler_the_batch_size():
    sampler = dict(type=JointSampler, batches=5)
    loader = Runner.build_dataloader(
        dict(dataset=joint(), sampler=sampler, batch_size=3, num_workers=0), seed=1
    )
    assert loader.sampler.places == 3
    assert len(loader) == 5
    assert sampler == dict(type=JointSampler, batches=5)


def test_what_is_left_out_and_ids_carry_the_name_of_the_data_set():
    data = joint()
    assert data.skipped == {"boxes: broken": 1}
    assert data.image_id(12 + 3) == "boxes: 3"
    assert data.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    data.set_epoch(4)
    assert [part.epoch for part in data.parts] == [4, 4, 4]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="one data set or more"):
        JointDataset(datasets={})
    with pytest.raises(ValueError, match=r"weights are of \['mask'\]"):
        joint(weights={"mask": 2})
    with pytest.raises(ValueError, match="pictures must be positive"):
        joint(pictures={"masks": 0})
    other = Numbers(3, Vocabulary.from_names(["cat", "cow"]))
    with pytest.raises(ValueError, match=r"'b' has vocabulary 'custom'.*give both the same"):
        JointDataset(datasets={"a": Numbers(3), "b": other})


def test_pictures_with_a_label_only_are_not_kept(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "one.png")
    labels = ClassFolders(data_root=str(tmp_path))
    data = JointDataset(datasets={"a": Numbers(3), "labels": labels, "b": Numbers(2)})
    assert data.kept_pictures == [0, 1, 2, 5, 6]


def test_data_sets_given_as_configs_share_seed_and_vocabulary(tmp_path):
    for name in ("red_circle", "blue_star"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "one.png")
    labels = dict(type=ClassFolders, data_root=str(tmp_path))
    data = JointDataset(datasets={"labels": labels}, shared="shapes22k", seed=7)
    (part,) = data.parts
    assert (part.seed, part.vocabulary.name, len(data.vocabulary)) == (7, "shapes22k", 24_000)
