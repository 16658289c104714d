"""The feature store: exact round trip, several writers, kills, staleness, overflow, damage."""

import json
import multiprocessing
import os
import signal
import time

import pytest
import torch

from ovsam.datasets.feature_store import (
    FeatureStore,
    FeatureStoreError,
    FeatureWriter,
    pixels_checksum,
    remove_damaged,
    to_half,
)

SHAPE = (3, 5, 7)
FINGERPRINT = {"teacher": "a" * 64, "weights": "b" * 64}


def features_of(image_id):
    generator = torch.Generator().manual_seed(image_id)
    return torch.randn(SHAPE, generator=generator)


def writer_of(root, **changes):
    arguments = dict(root=root, shape=SHAPE, fingerprint=FINGERPRINT, images_per_shard=4)
    return FeatureWriter(**{**arguments, **changes})


def fill(root, image_ids, expected=None):
    """Images missing after the missing ones of `image_ids` are written."""
    with writer_of(root) as writer:
        for image_id in sorted(set(image_ids) - writer.done()):
            writer.add(image_id, features_of(image_id), pixels=image_id)
        return writer.finish(image_ids if expected is None else expected)


def shards(root):
    return sorted(root.glob("shard-*.f16"))


def assert_holds(root, image_ids):
    store = FeatureStore(root=root)
    assert len(store) == len(image_ids)
    for image_id in image_ids:
        torch.testing.assert_close(store.read(image_id), features_of(image_id).half(), rtol=0, atol=0)


def test_what_is_written_comes_back_rounded_to_float16(tmp_path):
    root = tmp_path / "store"
    assert fill(root, range(10)) == 0
    assert_holds(root, range(10))
    assert [path.stat().st_size for path in shards(root)].count(4 * 3 * 5 * 7 * 2) == 2
    assert len(shards(root)) == 3
    content = json.loads((root / "index.json").read_text())
    assert {shard["file"] for shard in content["shards"]} == {path.name for path in shards(root)}
    assert not list(root.glob("shard-*.json"))
    assert not list(root.glob(".partial-*"))
    assert 3 in FeatureStore(root=root)
    assert 10 not in FeatureStore(root=root)


def test_rounding_error_is_as_stated():
    values = torch.cat([torch.randn(1000), torch.logspace(-9, 4.8, 1000)]).double()
    error = (to_half(values, 0).double() - values).abs()
    is_normal = values.abs() >= 2**-14
    assert (error[is_normal] <= 2**-11 * values[is_normal].abs()).all()
    assert (error[~is_normal] <= 2**-25).all()
    assert (~is_normal).any()


@pytest.mark.parametrize("value", [65520.0, -1e6, float("inf"), float("nan")])
def test_overflow_is_an_error_and_writes_nothing(tmp_path, value):
    features = features_of(1)
    features[2, 4, 6] = value

    def write():
        with writer_of(tmp_path / "store") as writer:
            writer.add(11, features_of(11), pixels=0)
            writer.add(12, features, pixels=0)

    with pytest.raises(FeatureStoreError, match="image 12 do not fit float16"):
        write()
    assert not shards(tmp_path / "store")
    assert not list((tmp_path / "store").glob(".partial-*"))


def test_largest_float16_is_no_overflow(tmp_path):
    features = torch.full(SHAPE, 65504.0)
    with writer_of(tmp_path / "store") as writer:
        writer.add(1, features, pixels=0)
        writer.finish([1])
    torch.testing.assert_close(FeatureStore(root=tmp_path / "store").read(1).float(), features)


def test_features_of_another_shape_are_refused(tmp_path):
    with (
        pytest.raises(FeatureStoreError, match=r"\(3, 5, 7\), got \(3, 7, 5\)"),
        writer_of(tmp_path / "store") as writer,
    ):
        writer.add(1, torch.zeros(3, 7, 5), pixels=0)


def test_an_unfinished_store_is_not_read_and_goes_on(tmp_path):
    root = tmp_path / "store"
    assert fill(root, range(6), expected=range(10)) == 4
    with pytest.raises(FeatureStoreError, match="not finished"):
        FeatureStore(root=root)
    before = {path: path.stat().st_mtime_ns for path in shards(root)}
    assert fill(root, range(10)) == 0
    assert_holds(root, range(10))
    assert before.items() <= {path: path.stat().st_mtime_ns for path in shards(root)}.items()


def test_images_can_be_added_to_a_finished_store(tmp_path):
    root = tmp_path / "store"
    fill(root, range(5))
    with pytest.raises(FeatureStoreError, match=r"lacks 2 images \(5, 6"):
        FeatureStore(root=root).check_covers(range(7))
    fill(root, range(7))
    FeatureStore(root=root).check_covers(range(7))
    assert_holds(root, range(7))


def _share(root, rank, world_size, count):
    with writer_of(root) as writer:
        for image_id in range(rank, count, world_size):
            writer.add(image_id, features_of(image_id), pixels=image_id)
        writer.finish(range(count))


def test_several_processes_write_one_store(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_share, args=(tmp_path / "store", r, 3, 31)) for r in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert_holds(tmp_path / "store", range(31))


def _write_and_hang(root):
    with writer_of(root) as writer:
        for image_id in range(6):
            writer.add(image_id, features_of(image_id), pixels=image_id)
        (root / "ready").touch()
        time.sleep(60)


def test_a_kill_loses_no_finished_shard_and_leaves_no_half_one(tmp_path):
    root = tmp_path / "store"
    process = multiprocessing.get_context("fork").Process(target=_write_and_hang, args=(root,))
    process.start()
    deadline = time.monotonic() + 20
    while not (root / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with writer_of(root) as writer:  # beside the living one, whose unfinished shard stays
        assert writer.done() == {0, 1, 2, 3}
    assert len(list(root.glob(".partial-*"))) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with writer_of(root) as writer:
        assert writer.done() == {0, 1, 2, 3}
    assert not list(root.glob(".partial-*"))
    fill(root, range(8))
    assert_holds(root, range(8))


def test_a_shard_without_its_list_is_made_again(tmp_path):
    """Killed between the shard and what says that it is there."""
    root = tmp_path / "store"
    fill(root, range(8), expected=range(9))
    next(root.glob("shard-*.json")).unlink()
    with writer_of(root) as writer:
        assert len(writer.done()) == 4
    assert len(shards(root)) == 1
    fill(root, range(8))
    assert_holds(root, range(8))


def test_a_stale_store_is_refused(tmp_path):
    root = tmp_path / "store"
    fill(root, range(3))
    other = {**FINGERPRINT, "weights": "c" * 64}
    with pytest.raises(FeatureStoreError, match=r"stale.*another weights \(b{16} there, c{16} now\)"):
        writer_of(root, fingerprint=other)
    with pytest.raises(FeatureStoreError, match="stale"):
        FeatureStore(root=root).check_fingerprint(other)
    with pytest.raises(FeatureStoreError, match=r"another pipeline \(none there"):
        FeatureStore(root=root).check_fingerprint({**FINGERPRINT, "pipeline": "d"})
    FeatureStore(root=root).check_fingerprint(FINGERPRINT)
    with pytest.raises(FeatureStoreError, match=r"\(3, 5, 7\), got \(3, 5, 8\)"):
        writer_of(root, shape=(3, 5, 8))
    assert_holds(root, range(3))


def test_other_pixels_than_the_teacher_saw_are_refused(tmp_path):
    root = tmp_path / "store"
    fill(root, range(3))
    store = FeatureStore(root=root)
    store.read(2, pixels=2)
    with pytest.raises(FeatureStoreError, match="other pixels of image 2"):
        store.read(2, pixels=3)
    with pytest.raises(FeatureStoreError, match="lacks image 9"):
        store.read(9)


def test_checksum_of_pixels_sees_every_pixel_and_the_shape():
    image = torch.randint(0, 255, (3, 4, 6), dtype=torch.uint8)
    changed = image.clone()
    changed[2, 3, 5] += 1
    assert pixels_checksum(image) == pixels_checksum(image.clone())
    assert pixels_checksum(image) != pixels_checksum(changed)
    assert pixels_checksum(image) != pixels_checksum(image.reshape(3, 6, 4))


def test_a_cut_or_missing_shard_is_refused_and_made_again(tmp_path):
    root = tmp_path / "store"
    fill(root, range(10))
    first, second = shards(root)[:2]
    first.write_bytes(first.read_bytes()[:-2])
    second.unlink()
    with pytest.raises(FeatureStoreError, match=r"2 shards .* missing or cut short"):
        FeatureStore(root=root)
    fill(root, range(10))
    assert_holds(root, range(10))


def test_a_changed_byte_is_found_in_reading_and_by_verification(tmp_path):
    root = tmp_path / "store"
    fill(root, range(10))
    assert remove_damaged(root) == []
    path = shards(root)[0]
    content = bytearray(path.read_bytes())
    content[1] ^= 64
    path.write_bytes(content)
    store = FeatureStore(root=root)
    first = store.shards[0]["images"][0][0]
    with pytest.raises(FeatureStoreError, match=f"features of image {first} .* are damaged"):
        store.read(first)
    assert remove_damaged(root) == [path.name]
    fill(root, range(10))
    assert remove_damaged(root) == []
    assert_holds(root, range(10))


def test_no_store_another_folder_and_another_format_are_named(tmp_path):
    with pytest.raises(FeatureStoreError, match="no feature store at"):
        FeatureStore(root=tmp_path / "none")
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(FeatureStoreError, match=r"photo\.jpg.*no feature store; name another"):
        writer_of(tmp_path)
    root = tmp_path / "store"
    fill(root, range(2))
    manifest = json.loads((root / "store.json").read_text())
    (root / "store.json").write_text(json.dumps({**manifest, "format": 9}))
    with pytest.raises(FeatureStoreError, match="format 9, expected 1"):
        FeatureStore(root=root)
    (root / "store.json").write_text("{")
    with pytest.raises(FeatureStoreError, match=r"store\.json is broken"):
        FeatureStore(root=root)
    with pytest.raises(ValueError, match="images_per_shard must be 1 or more, got 0"):
        writer_of(tmp_path / "new", images_per_shard=0)
