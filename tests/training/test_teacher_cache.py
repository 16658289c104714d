"""SAM2CLIP from cached features: equal to the live teacher up to float16, refused when stale."""

import json
import shutil
from argparse import ArgumentParser
from collections import namedtuple

import pytest
import torch
from safetensors.torch import load_file

from ovsam.arguments.cache_teacher import add_arguments
from ovsam.cli import find_config
from ovsam.commands import cache_teacher
from ovsam.datasets.feature_store import FeatureStore, FeatureStoreError
from ovsam.datasets.sa1b import Sa1bDataset
from ovsam.datasets.transforms.geometry import RandomFlip, ResizeLongSide
from ovsam.engine.configuration import load_config
from ovsam.engine.teacher_features import store_of
from ovsam.models.backbones.clip_image import ClipImageEncoder
from ovsam.models.backbones.sam_image import SamImageEncoder
from ovsam.weights import save_weights
from ovsam.weights.checkpoint_reader import read_checkpoint

pytestmark = pytest.mark.seconds

HALF = 2**-11  # relative rounding error of float16


def write_weights(root, seed):
    """Random CLIP and SAM below `root`."""
    torch.manual_seed(seed)
    encoder = SamImageEncoder(architecture="mini")
    parts = {"clip_rn": ClipImageEncoder(architecture="shapes-rn"), "sam_vit": encoder}
    for name, part in parts.items():
        tensors = {f"image_encoder.{n}": t for n, t in part.state_dict().items()}
        save_weights(tensors, root / name / "weights.safetensors", {})


@pytest.fixture(scope="module")
def weights_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("weights")
    write_weights(root, seed=1)
    return root


def options(tiny_shapes, weights_root, store=None):
    """Where the 6 pictures, the weights and the features are."""
    found = {
        "train_dataloader.dataset.data_root": str(tiny_shapes / "sa1b"),
        "weights_root": str(weights_root),
    }
    initial, teacher = {"backbone": "clip_rn#image_encoder"}, "sam_vit#image_encoder"
    if store is None:
        found["initial_weights"] = {**initial, "teacher": teacher}
        # The live teacher sees the pictures of the cached one.
        found["train_dataloader.dataset"] = dict(
            _delete_=True,
            type=Sa1bDataset,
            data_root=found.pop("train_dataloader.dataset.data_root"),
            cache_images=True,
            pipeline=load_config(find_config("mini/sam2clip_rn")).train_dataloader.dataset.pipeline,
        )
    else:
        found |= {"initial_weights": initial, "cached_teacher.weights": teacher}
        found["train_dataloader.dataset.pipeline.3.store"] = str(store)
    return found


def training():
    """Two epochs of 2 steps of 2 pictures. Plain SGD: AdamW would make whole steps of noise."""
    return {
        "train_dataloader.batch_size": 2,
        "train_dataloader.dataset.indices": 4,
        "train_cfg.max_epochs": 2,
        "default_hooks.logger.interval": 1,
        "optim_wrapper.optimizer": dict(type="SGD", lr=0.02),
        "param_scheduler.0.start_factor": 1.0,
    }


def cache(given, *arguments, config="mini/sam2clip_rn_cached"):
    """What `tools/cache_teacher.py CONFIG --cfg-options ...` does."""
    parser = ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args([config, "--workers", "0", *arguments])
    args.cfg_options = given
    return cache_teacher.run(args)


@pytest.fixture(scope="module")
def store(tiny_shapes, weights_root, tmp_path_factory):
    root = tmp_path_factory.mktemp("features") / "store"
    assert cache(options(tiny_shapes, weights_root, root), "--images-per-shard", "4") == 0
    return root


def losses(work_dir):
    (path,) = work_dir.glob("*/vis_data/scalars.json")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return torch.tensor([line["loss"] for line in lines if "loss" in line], dtype=torch.float64)


def test_training_from_the_cache_equals_training_with_the_live_teacher(
    tiny_shapes, weights_root, store, tmp_path, command
):
    for name, place in (("sam2clip_rn", None), ("sam2clip_rn_cached", store)):
        given = {**options(tiny_shapes, weights_root, place), **training()}
        command("train", f"mini/{name}", tmp_path / name, given)
    live, cached = losses(tmp_path / "sam2clip_rn"), losses(tmp_path / "sam2clip_rn_cached")
    assert len(live) == 4
    # A feature x moves by at most HALF |x|, so a loss mean(e^2) by 2 sqrt(mean e^2) d + d^2 with
    # d^2 = HALF^2 mean(x^2).
    features = FeatureStore(root=store)
    d = HALF * max(features.read(i).double().square().mean().sqrt() for i in range(1, 7))
    assert ((live - cached).abs() <= 2 * live.sqrt() * d + d**2 + 1e-5 * live).all()
    first, second = (
        load_file(tmp_path / name / "weights.safetensors")
        for name in ("sam2clip_rn", "sam2clip_rn_cached")
    )
    assert {name.split(".")[0] for name in first} == {"backbone", "neck"}
    halfway = read_checkpoint(tmp_path / "sam2clip_rn" / "epoch_1.pth")
    moved, apart = largest_difference(first, halfway), largest_difference(first, second)
    assert moved > 1e-3
    assert apart < HALF * moved


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


def test_features_are_those_of_the_teacher(tiny_shapes, weights_root, store):
    found = FeatureStore(root=store)
    assert len(found) == 6
    assert found.shape == (64, 24, 24)
    assert [len(shard["images"]) for shard in found.shards] in ([4, 2], [2, 4])
    assert set(found.fingerprint) == {"teacher", "weights", "preprocessor", "pipeline"}


def test_two_processes_resume_and_share_the_work(
    tiny_shapes, weights_root, store, tmp_path, monkeypatch, capsys
):
    given = options(tiny_shapes, weights_root, tmp_path / "store")
    for rank in (1, 0):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        assert cache(given, "--launcher", "pytorch") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "3 images made" in first
    assert "3 images are left to other processes" in first
    assert "3 images made" in second
    assert second.endswith("3 were there, complete")
    for image_id in range(1, 7):
        torch.testing.assert_close(
            FeatureStore(root=tmp_path / "store").read(image_id).float(),
            FeatureStore(root=store).read(image_id).float(),
            rtol=2 * HALF,
            atol=1e-4,
        )
    monkeypatch.delenv("RANK")
    with pytest.raises(ValueError, match="--launcher pytorch expects the variables RANK"):
        cache(given, "--launcher", "pytorch")


def test_training_refuses_what_does_not_belong_to_it(
    tiny_shapes, weights_root, store, tmp_path, command
):
    def train(**more):
        given = {**options(tiny_shapes, weights_root, store), **training(), **more}
        command("train", "mini/sam2clip_rn_cached", tmp_path / "run", given)

    retrained = tmp_path / "retrained"
    write_weights(retrained, seed=2)
    with pytest.raises(FeatureStoreError, match=r"stale, made with another weights"):
        train(weights_root=str(retrained))
    with pytest.raises(FeatureStoreError, match=r"another weights"):
        cache(options(tiny_shapes, retrained, store))
    with pytest.raises(FeatureStoreError, match="another preprocessor"):
        train(**{"model.data_preprocessor.mean": [1.0, 2.0, 3.0]})
    with pytest.raises(FeatureStoreError, match="another pipeline"):
        train(**{"train_dataloader.dataset.pipeline.1.size": 120})
    with pytest.raises(FeatureStoreError, match="no feature store at"):
        train(**{"train_dataloader.dataset.pipeline.3.store": str(tmp_path / "none")})
    more = tmp_path / "more"
    shutil.copytree(tiny_shapes / "sa1b", more)
    (picture,) = more.glob("*/sa_1.jpg")
    shutil.copy(picture, picture.with_name("sa_99.jpg"))
    with pytest.raises(FeatureStoreError, match=r"lacks 1 images \(99"):
        train(
            **{"train_dataloader.dataset.data_root": str(more), "train_dataloader.dataset.indices": None}
        )
    assert not (tmp_path / "run").exists()


def test_a_changed_picture_is_refused(tiny_shapes, weights_root, store, tmp_path, command):
    changed = tmp_path / "sa1b"
    shutil.copytree(tiny_shapes / "sa1b", changed)
    (picture,) = changed.glob("*/sa_1.jpg")
    shutil.copy(picture.with_name("sa_2.jpg"), picture)
    given = {**options(tiny_shapes, weights_root, store), **training()}
    given["train_dataloader.dataset.data_root"] = str(changed)
    with pytest.raises(FeatureStoreError, match="other pixels of image 1"):
        command("train", "mini/sam2clip_rn_cached", tmp_path / "run", given)


def test_a_random_pipeline_is_refused(tiny_shapes, weights_root, tmp_path, monkeypatch):
    """The step that resizes flips instead; the pictures have the right size as they are."""
    monkeypatch.setattr(ResizeLongSide, "transform", RandomFlip(probability=0.5).transform)
    with pytest.raises(ValueError, match="the pipeline is random: the pixels of image 1 differ"):
        cache(options(tiny_shapes, weights_root, tmp_path / "store"))
    assert not (tmp_path / "store").exists()


def test_a_live_config_has_nothing_to_cache(tiny_shapes, weights_root):
    with pytest.raises(ValueError, match="live teacher and reads no feature store"):
        cache(options(tiny_shapes, weights_root), config="mini/sam2clip_rn")


def test_a_full_disk_is_seen_before_the_work(tiny_shapes, weights_root, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")(6 * 64 * 16 * 16 * 2 - 1)
    monkeypatch.setattr(cache_teacher.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="6 images need 0 MiB, 0 MiB are free"):
        cache(options(tiny_shapes, weights_root, tmp_path / "store"))


@pytest.mark.parametrize("lacking", ["step", "teacher"])
def test_half_a_declaration_is_refused(lacking):
    config = load_config(find_config("mini/sam2clip_rn_cached"))
    if lacking == "step":
        config.train_dataloader.dataset.pipeline.pop()
        message = "has cached_teacher = .* but not an AddTeacherFeatures step"
    else:
        config.cached_teacher = None
        message = "has an AddTeacherFeatures step but not cached_teacher"
    with pytest.raises(ValueError, match=message):
        store_of(config)


def test_verification_removes_what_is_damaged(tiny_shapes, weights_root, store, tmp_path, capsys):
    root = tmp_path / "store"
    shutil.copytree(store, root)
    given = options(tiny_shapes, weights_root, root)
    assert cache(given, "--verify") == 0
    path = sorted(root.glob("shard-*.f16"))[0]
    path.write_bytes(path.read_bytes()[:-1] + b"\x33")
    assert cache(given, "--verify") == 1
    assert f"1 shards were damaged and are removed ({path.name})" in capsys.readouterr().out
    assert cache(given) == 0
    assert cache(given, "--verify") == 0
    assert len(FeatureStore(root=root)) == 6
