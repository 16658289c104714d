"""A training that leaves out broken images is the training without them; also when it is resumed."""

import json
import shutil
import signal

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ovsam.datasets.coco_ov import CocoPromptDataset
from ovsam.datasets.transforms.loading import LoadImage, LoadInstances
from ovsam.datasets.vocabularies import class_list
from tests.reliability import broken_images
from tests.reliability.tiny import DiesAfter, Setup, TinyRunner, config_of, losses, start, wait_for

SIZE = 12, 10  # (h, w) px
IMAGES = 40
BROKEN = {3: "cut short", 27: "missing"}  # 5 %
SPOILT = 105  # annotation of another image


def as_tiny(results):
    """What the tiny model takes: the picture with noise of its own, and its number of objects."""
    image = torch.from_numpy(results["img"].transpose(2, 0, 1).astype(np.float32) / 255)
    noise = torch.from_numpy(results["rng"].standard_normal(image.shape, dtype=np.float32))
    return {"inputs": image + 0.1 * noise, "labels": len(results["labels"]) % 2}


def written(root, *, is_clean):
    """40 pictures, of which 2 are broken, and an annotation of a third; or what remains without them."""
    root.mkdir()
    content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "thing"}]}
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        path = root / f"{number}.png"
        cv2.imwrite(str(path), rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8))
        if is_clean and number in BROKEN:
            path.unlink()
            continue
        if number in BROKEN:
            broken_images.WAYS[BROKEN[number]](path)
        image = dict(id=number, file_name=path.name, height=SIZE[0], width=SIZE[1])
        content["images"].append(image)
        for identity in (100 + 2 * number, 101 + 2 * number)[: 1 + number % 3]:
            polygon = [1, 1, 8, 1, 8, 6] if identity != SPOILT else [1, 1, 8, float("nan"), 8, 6]
            if is_clean and identity == SPOILT:
                continue
            facts = dict(id=identity, image_id=number, category_id=1, bbox=[1, 1, 7, 5])
            content["annotations"].append({**facts, "segmentation": [polygon]})
    (root / "ann.json").write_text(json.dumps(content))
    return root


def config(root, work_dir, on_error, workers, resume=False):
    found = config_of(Setup(workers=workers), work_dir, resume=resume, save_iters=4)
    found.log_level = "INFO"
    found.train_dataloader.dataset = dict(
        type=CocoPromptDataset,
        ann_file="ann.json",
        data_root=str(root),
        data_prefix=dict(img=""),
        vocabulary=dict(type=class_list, name="things", base=["thing"]),
        pipeline=[dict(type=LoadImage), dict(type=LoadInstances), as_tiny],
        on_error=on_error,
    )
    return found


def run(*given, hook=None, **options):
    def work():
        runner = TinyRunner.from_config(config(*given, **options))
        if hook is not None:
            runner.register_hook(hook)
        runner.train()

    return wait_for(start(work, given[1], 1))


def same(one, other):
    first, second = (load_file(folder / "weights.safetensors") for folder in (one, other))
    return all(torch.equal(first[n], second[n]) for n in first) and losses(one) == losses(other)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roots")
    return {is_clean: written(folder / str(is_clean), is_clean=is_clean) for is_clean in (True, False)}


@pytest.fixture(scope="module")
def clean_run(roots, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("runs") / "clean"
    assert run(roots[True], work_dir, "raise", 0) == [0]
    return work_dir


@pytest.mark.seconds
@pytest.mark.parametrize("workers", [0, 2])
def test_skipping_broken_images_gives_the_losses_of_the_clean_remainder(
    roots, clean_run, tmp_path, workers
):
    assert run(roots[False], tmp_path, "skip", workers) == [0]
    assert len(losses(clean_run)) == 3 * (38 // 4)
    assert same(clean_run, tmp_path)
    log = (tmp_path / "output_0.txt").read_text()
    assert "2 of 40 images are broken and left out (on_error='skip'): image" in log
    assert "3.png is broken: cut short; image" in log
    assert "27.png does not exist" in log
    assert "1 of 66 annotations are broken and left out (on_error='skip'): annotation 105" in log


@pytest.mark.seconds
def test_a_killed_run_that_skips_ends_as_one_on_the_clean_remainder(roots, clean_run, tmp_path):
    work_dir = tmp_path / "run"
    assert run(roots[False], work_dir, "skip", 0, hook=DiesAfter(14)) == [-signal.SIGKILL]
    assert run(roots[False], work_dir, "skip", 0, resume=True) == [0]
    assert same(clean_run, work_dir)


@pytest.mark.seconds
def test_without_skipping_the_broken_annotation_and_then_the_picture_stop_the_run(roots, tmp_path):
    root = tmp_path / "data"
    assert run(roots[False], tmp_path / "one", "raise", 0) == [1]
    assert "annotation 105 of 2.png: a polygon has" in (tmp_path / "one" / "output_0.txt").read_text()
    shutil.copytree(roots[False], root)
    shutil.copy(roots[True] / "ann.json", root / "ann.json")
    (root / "5.png").write_bytes(b"")
    assert run(root, tmp_path / "two", "raise", 0) == [1]
    assert "5.png is broken: an empty file" in (tmp_path / "two" / "output_0.txt").read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_miniature_trains_as_on_the_clean_remainder(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["broken_images.py", "--json", "--images", "100"])
    assert broken_images.main() == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == dict(
        images=100, broken=5, annotations=5, steps=2 * (95 // 4), losses=True, weights=True
    )
