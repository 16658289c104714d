"""Runs that must come out the same: repeated, resumed, on two processes; and what must not leak."""

import json
import shutil

import pytest
from safetensors.torch import load_file

from ovsam.benchmark import records
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.evaluation.average_precision import ApEvaluator
from ovsam.files import sha256_of
from ovsam.models.segmentors.crop_baselines import CropBaseline
from ovsam.models.segmentors.open_vocab_sam import OpenVocabSam

pytestmark = pytest.mark.seconds


def options(root, **more):
    """Two epochs of 3 steps of 4 pictures (the 13th is dropped)."""
    return {
        "train_dataloader.dataset.data_root": str(root),
        "train_cfg.max_epochs": 2,
        "train_dataloader.batch_size": 4,
        "default_hooks.logger.interval": 1,
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def drawn(root, **more):
    """The same for the small SAM, whose pictures are drawn when they are read."""
    found = {**options(root, **more), "train_dataloader.dataset.num_pictures": 13}
    del found["train_dataloader.dataset.data_root"]
    return found


def losses(work_dir):
    """Loss of every step, in order, of all runs in a work_dir."""
    lines = []
    for path in sorted(work_dir.glob("*/vis_data/scalars.json")):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return [line["loss"] for line in sorted(lines, key=lambda line: line["step"]) if "loss" in line]


def difference(one, other):
    first, second = load_file(one / "weights.safetensors"), load_file(other / "weights.safetensors")
    assert first.keys() == second.keys()
    return max(float((first[n].double() - second[n].double()).abs().max()) for n in first)


@pytest.fixture(scope="module")
def continuous(tiny_shapes, tmp_path_factory, command):
    """The small SAM on one process, not interrupted; it also saves after 5 of its 6 steps."""
    work_dir = tmp_path_factory.mktemp("runs") / "continuous"
    command("train", "mini/sam_vit", work_dir, drawn(tiny_shapes), save_iters=5)
    return work_dir


def test_same_seed_gives_the_same_weights_bit_by_bit(continuous, tiny_shapes, tmp_path, command):
    command("train", "mini/sam_vit", tmp_path / "again", drawn(tiny_shapes))
    assert difference(continuous, tmp_path / "again") == 0
    assert len(losses(continuous)) == 2 * (13 // 4)


def test_another_seed_gives_other_weights(continuous, tiny_shapes, tmp_path, command):
    command("train", "mini/sam_vit", tmp_path / "other", drawn(tiny_shapes), seed=1)
    assert difference(continuous, tmp_path / "other") > 1e-3


@pytest.mark.parametrize("last", ["epoch_1.pth", "epoch_1_iter_5.pth"])
def test_resumed_run_ends_where_the_uninterrupted_one_ends(
    last, continuous, tiny_shapes, tmp_path, command
):
    work_dir = tmp_path / "resumed"
    shutil.copytree(continuous, work_dir)
    for path in {*work_dir.glob("*.pth")} - {work_dir / "epoch_1.pth", work_dir / last}:
        path.unlink()  # nothing after the last checkpoint is there
    (work_dir / "weights.safetensors").unlink()
    command("train", "mini/sam_vit", work_dir, drawn(tiny_shapes), resume=True)
    assert difference(continuous, work_dir) == 0


def test_two_processes_equal_one(tiny_shapes, tmp_path, command):
    # Plain SGD: AdamW would blow the last bit of a tiny gradient up to a whole step.
    sgd = dict(optim_wrapper__optimizer=dict(type="SGD", lr=0.02))
    for name, processes, batch_size in (("one", 1, 4), ("two", 2, 2)):
        run = drawn(tiny_shapes, train_dataloader__batch_size=batch_size, **sgd)
        command("train", "mini/sam_vit", tmp_path / name, run, processes=processes)
    assert len(losses(tmp_path / "one")) == len(losses(tmp_path / "two")) == 6
    assert difference(tmp_path / "one", tmp_path / "two") < 1e-5


def test_two_processes_log_the_losses_of_one(tiny_shapes, tmp_path, command):
    """CLIP2SAM, masks and labels, with its AdamW: every step's loss of the same global batch."""
    for name, processes, batch_size in (("one", 1, 4), ("two", 2, 2)):
        run = options(
            tiny_shapes,
            train_dataloader__batch_size=batch_size,
            optim_wrapper__optimizer__lr=1e-4,  # the published rate
            initial_weights=None,
        )
        command("train", "mini/ovsam_rn", tmp_path / name, run, processes=processes)
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two) == 6
    assert max(one) - min(one) > 1e-2  # different batches
    assert two == pytest.approx(one, rel=1e-5)


def test_two_processes_distil_as_one(tiny_shapes, tmp_path, command):
    """SAM2CLIP, live teacher: every step's loss of the same global batch."""
    for processes, batch_size in ((1, 2), (2, 1)):
        run = options(
            tiny_shapes,
            train_dataloader__batch_size=batch_size,
            train_dataloader__dataset__indices=4,
            initial_weights=None,
        )
        command("train", "mini/sam2clip_rn", tmp_path / str(processes), run, processes=processes)
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert len(one) == len(two) == 4
    assert max(one) - min(one) > 1e-3 * max(one)  # different batches
    assert two == pytest.approx(one, rel=1e-5)


@pytest.mark.parametrize("name", ["catseg", "escnet"])
def test_two_processes_log_the_losses_of_one_on_label_maps(name, tiny_shapes, tmp_path, command):
    """Parts without a gradient (CLIP's last queries, SAM's last attention) do not stop two processes."""
    for processes, batch_size in ((1, 2), (2, 1)):
        run = options(
            tiny_shapes,
            train_dataloader__batch_size=batch_size,
            train_dataloader__dataset__indices=6,
            train_cfg__max_epochs=1,
            initial_weights=None,
        )
        command("train", f"mini/{name}", tmp_path / str(processes), run, processes=processes)
    one, two = losses(tmp_path / "1"), losses(tmp_path / "2")
    assert len(one) == 3
    assert max(one) - min(one) > 1e-4  # different batches, and steps that move
    assert two == pytest.approx(one, rel=1e-5)


def test_accumulated_batches_equal_a_large_one(tiny_shapes, tmp_path, command):
    """Every picture has the same number of prompts, so the mean of two halves is the whole's."""
    sgd = dict(
        optim_wrapper__optimizer=dict(type="SGD", lr=0.02),
        param_scheduler=None,  # counts batches, not steps
    )
    for name, batch_size, count in (("whole", 4, 1), ("halves", 2, 2)):
        more = dict(train_dataloader__batch_size=batch_size, optim_wrapper__accumulative_counts=count)
        command("train", "mini/sam_vit", tmp_path / name, drawn(tiny_shapes, **more, **sgd))
    assert len(losses(tmp_path / "halves")) == 2 * len(losses(tmp_path / "whole"))
    assert difference(tmp_path / "whole", tmp_path / "halves") < 1e-5


def test_bfloat16_is_close_to_float32_and_leaves_weights_in_float32(tiny_shapes, tmp_path, command):
    for precision in ("float32", "bfloat16"):
        run = options(tiny_shapes, initial_weights=None, precision=precision, train_cfg__max_epochs=1)
        command("train", "mini/ovsam_rn", tmp_path / precision, run)
    full, half = losses(tmp_path / "float32"), losses(tmp_path / "bfloat16")
    assert full != half
    assert half == pytest.approx(full, rel=0.02)
    weights = load_file(tmp_path / "bfloat16" / "weights.safetensors")
    assert {str(t.dtype) for t in weights.values()} <= {"torch.float32", "torch.int64"}


def test_curves_go_to_tensorboard_where_the_config_says_so(tiny_shapes, tmp_path, command):
    pytest.importorskip("tensorboard", reason="pip install 'ovsam[track]'")
    run = drawn(tiny_shapes, trackers=["tensorboard"], train_cfg__max_epochs=1)
    command("train", "mini/sam_vit", tmp_path, run)
    assert list(tmp_path.glob("*/vis_data/events.out.tfevents.*"))
    assert len(losses(tmp_path)) == 3  # our own log is still there


def test_test_on_two_processes_gives_the_metrics_of_one(tiny_shapes, tmp_path, command):
    found = {}
    for processes in (1, 2):  # 5 pictures: the sampler pads to 6
        work_dir = tmp_path / f"test{processes}"
        command(
            "test",
            "mini/ovsam_rn",  # with labels
            work_dir,
            {"test_dataloader.dataset.data_root": str(tiny_shapes)},
            processes=processes,
            weights="none",
        )
        paths = sorted(work_dir.glob("record_test_*.json"))
        found[processes] = [json.loads(path.read_text())["metrics"] for path in paths]
    assert len(found[1]) == 2
    assert found[1] == found[2]
    assert found[1][0]["num_images"] == 5
    assert found[1][0]["accuracy"] is not None


@pytest.mark.parametrize("config", ["ovsam_rn", "image_crop"])
def test_kinds_of_prompts_share_a_pass_and_give_what_each_gives_alone(
    config, tiny_shapes, tmp_path, command, monkeypatch
):
    """Metrics, rows, kept masks and pictures are equal to the last bit; pictures are encoded once."""
    encoded = []
    for model in (OpenVocabSam, CropBaseline):
        encode = model.encode
        monkeypatch.setattr(
            model, "encode", lambda self, x, encode=encode: (encoded.append(len(x)), encode(self, x))[1]
        )
    data = {"test_dataloader.dataset.data_root": str(tiny_shapes), "test_dataloader.batch_size": 2}
    given = dict(weights="none", pictures=2, keep_masks=True)
    kinds = ["box", "center_point"]
    for folder, asked in (("both", kinds), ("box", kinds[:1]), ("center_point", kinds[1:])):
        command("test", f"mini/{config}", tmp_path / folder, data, prompts=asked, **given)
    assert encoded == 3 * [2, 2, 1]

    for kind in kinds:
        rows = f"instances_test_{kind}.npz", f"masks_test_{kind}.json"
        pictures = [path.name for path in (tmp_path / kind / "pictures" / kind).iterdir()]
        assert len(pictures) == 3  # the list, too
        for name in (*rows, *(f"pictures/{kind}/{name}" for name in pictures)):
            assert (tmp_path / "both" / name).read_bytes() == (tmp_path / kind / name).read_bytes()
        together, alone = (
            records.read(tmp_path / folder / f"record_test_{kind}.json") for folder in ("both", kind)
        )
        assert together.metrics == alone.metrics
        assert together.provenance.pop("seconds_cover") == kinds
        for record in (together, alone):
            for name in ("started", "seconds", "commit", "dirty"):  # the tree may change meanwhile
                record.provenance.pop(name)
        assert together == alone
    first, second = (json.loads((tmp_path / "both" / f"masks_test_{k}.json").read_text()) for k in kinds)
    assert first != second


def test_boxes_of_a_detector_are_tested_and_recorded(tiny_shapes, tmp_path, command):
    """Boxes on all images but the first; labels and scores of the file reach the written predictions."""
    truth = json.loads((tiny_shapes / "annotations" / "instances_test.json").read_text())
    first = min(image["id"] for image in truth["images"])
    rows = [
        {key: row[key] for key in ("image_id", "category_id", "bbox")} | {"score": row["area"] / 1e5}
        for row in sorted(truth["annotations"], key=lambda row: row["image_id"])
        if row["image_id"] != first
    ]
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps(rows))
    options = {"test_dataloader.dataset.data_root": str(tiny_shapes)}
    evaluated = {label + 1 for label in get_vocabulary("shapes").evaluated}
    for labels, categories in (("method", evaluated), ("detector", range(1, 81))):
        given = dict(weights="none", prompts=["detection"], detections=boxes, labels=labels)
        command("test", "mini/ovsam_rn", tmp_path / labels, options, **given)
        record = records.read(tmp_path / labels / f"record_test_detection_boxes_{labels}.json")
        assert record.prompts == f"detection:boxes:{labels}"
        assert record.provenance["detections"]["sha256"] == sha256_of(boxes)
        assert record.metrics["num_images"] == 5
        assert record.metrics["num_detections"] == len(rows)
        assert record.metrics["ap"] is not None
        assert (record.metrics["ap_base_constrained"] is None) == (labels == "detector")
        written = tmp_path / labels / f"predictions_test_detection_boxes_{labels}.json"
        found = json.loads(written.read_text())
        assert [row["image_id"] for row in found] == [row["image_id"] for row in rows]
        assert [row["score"] for row in found] == pytest.approx([row["score"] for row in rows])
        assert {row["category_id"] for row in found} <= set(categories)
        if labels == "detector":
            assert [row["category_id"] for row in found] == [row["category_id"] for row in rows]
        # It is COCO's result format: the evaluator takes it and gives the same number.
        again = ApEvaluator(truth).evaluate(found, category_ids=categories)
        assert again.ap() == record.metrics["ap"]


def test_novel_annotations_cannot_reach_clip2sam(tiny_shapes, tmp_path, command):
    """Poisoned novel boxes, masks and labels leave every weight as it is."""
    poisoned = tmp_path / "shapes"
    shutil.copytree(tiny_shapes, poisoned)
    file = poisoned / "annotations" / "instances_train.json"
    content = json.loads(file.read_text())
    novel = {label + 1 for label in get_vocabulary("shapes").novel}
    changed = 0
    for annotation in content["annotations"]:
        if annotation["category_id"] in novel:
            annotation["category_id"] = min(novel)
            annotation["bbox"] = [1, 2, 50, 60]
            annotation["segmentation"] = [[1, 2, 50, 2, 50, 60, 1, 60]]
            changed += 1
    assert changed > 3
    file.write_text(json.dumps(content))
    for name, root in (("clean", tiny_shapes), ("poisoned", poisoned)):
        run = options(root, initial_weights=None, train_cfg__max_epochs=1)
        command("train", "mini/ovsam_rn", tmp_path / name, run)
    assert difference(tmp_path / "clean", tmp_path / "poisoned") == 0
