"""The miniature's plan agrees with its configs, and with the table that it fills."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from PIL import Image

from ovsam.benchmark.specs import TABLES
from ovsam.engine.pictures import PicturesHook
from ovsam.models.decoders.pseudo_prompts import PseudoPrompts
from ovsam.structures.prompts import Prompts
from ovsam.structures.sample import PromptSample
from ovsam.structures.semantic_sample import SemanticSample
from ovsam.structures.vocabulary import Vocabulary
from ovsam.weights import Source, shipped
from ovsam.workflows.miniature import (
    ABLATION_STEPS,
    DATA,
    JOINT_STEPS,
    PRETRAINING_STEPS,
    SEMANTIC_STEPS,
    SOURCES,
    STEPS,
    plan_stages,
)
from ovsam.workflows.suites import ABLATIONS, JOINT, QUICKSTART, SEMANTIC_SUITE

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize(
    "step",
    [*PRETRAINING_STEPS, *STEPS, *ABLATION_STEPS, *SEMANTIC_STEPS, *JOINT_STEPS],
    ids=lambda step: step.config,
)
def test_steps_need_what_their_configs_read(step):
    config = Config.fromfile(str(CONFIGS / "mini" / f"{step.config}.py"))
    sources = {Source.parse(text).name for text in config.get("initial_weights", {}).values()}
    if config.get("test_weights") and not step.is_trained:
        sources = {config.test_weights}  # the file holds all parts
    assert sources - set(shipped.NAMES) == set(step.needs)
    assert bool(config.get("train_cfg")) or not step.is_trained
    assert step.weights in ("", *shipped.NAMES)


def test_every_row_of_the_table_is_tested():
    rows = [row.config.removeprefix("mini/") for row in TABLES["mini"].rows if row.config]
    assert sorted(rows) == sorted(step.config for step in STEPS if step.is_tested)


def test_every_row_of_the_ablations_is_tested_and_the_other_way_round():
    names = ("mini", "mini-baselines", "mini-ablations")
    rows = {
        row.config.removeprefix("mini/") for name in names for row in TABLES[name].rows if row.config
    }
    assert rows == {step.config for step in (*STEPS, *ABLATION_STEPS) if step.is_tested}


def test_ablations_reuse_the_quickstart():
    alone = {stage.name: stage for stage in plan_stages(Path("r"), (0,), CONFIGS)}
    both = {s.name: s for s in plan_stages(Path("r"), (0,), CONFIGS, steps=(*STEPS, *ABLATION_STEPS))}
    assert len(both) == len(alone) + 12 + 13
    assert all(both[name] == stage for name, stage in alone.items())


def test_every_row_of_the_semantic_tables_is_tested_and_the_other_way_round():
    tested = {step.config for step in SEMANTIC_STEPS if step.is_tested}
    for name in SEMANTIC_SUITE.tables:
        assert {row.config.removeprefix("mini/") for row in TABLES[name].rows if row.config} == tested


def test_every_row_of_the_joint_tables_is_tested_and_the_other_way_round():
    for step in JOINT_STEPS:
        config = Config.fromfile(str(CONFIGS / "mini" / f"{step.config}.py"))
        sizes = [24000 if size == "all" else size for size in config.test_vocabulary["sizes"]]
        assert tuple(sizes) == step.sizes
        assert tuple(config.test_prompts) == step.prompts
    whole, growing = (TABLES[name] for name in JOINT.tables)
    tested = {f"mini/{step.config}" for step in JOINT_STEPS}
    assert {config for row in whole.rows for config in row.configs} == tested
    assert [row.config for row in whole.rows] == [row.config for row in growing.rows]


def test_joint_training_waits_for_its_data_and_its_tests_leave_a_record_of_each_size():
    plan = {stage.name: stage for stage in plan_stages(Path("r"), (0,), CONFIGS, steps=JOINT_STEPS)}
    assert SOURCES in plan["train joint_all"].needs
    assert plan[SOURCES].needs == (DATA,)
    records = [path.name for path in plan["test joint_all"].outputs]
    assert records == ["record_test_box.json"] + [
        f"record_test_vocabulary_box_{size}.json" for size in (80, 1203, 13204, 24000)
    ]
    assert SOURCES not in {stage.name for stage in plan_stages(Path("r"), (0,), CONFIGS)}


def test_given_weights_are_tested_and_not_trained():
    plan = {stage.name: stage for stage in plan_stages(Path("r"), (0,), CONFIGS)}
    test = plan["test image_crop"]
    assert test.command[3:5] == ("test", "mini/image_crop")
    assert test.command[-4:] == (
        "--rows", "mini/image_crop_prompt_box", "mini/feature_crop", "mini/sam_vit=shapes_sam",
    )  # fmt: skip
    assert test.needs == (DATA,)
    assert not {"train sam_vit", "test sam_vit"} & set(plan)


def test_rows_need_no_more_than_the_config_in_whose_test_they_are():
    steps = {step.config: step for step in (*STEPS, *ABLATION_STEPS)}
    rows = [step for step in steps.values() if step.row_of]
    assert len(rows) == 8
    for row in rows:
        first = steps[row.row_of]
        assert not first.row_of
        assert set(row.needs) <= {first.config, *first.needs}
        assert row.prompts == first.prompts
        assert row.is_tested
        assert not row.is_trained
        assert not row.has_pictures


def test_a_test_of_rows_answers_for_the_files_of_all(tmp_path):
    plan = {stage.name: stage for stage in plan_stages(tmp_path, (0,), CONFIGS)}
    test, train = plan["test ovsam_rn"], plan["train ovsam_rn"]
    place = tmp_path / "seed_0"
    assert set(test.outputs) == {
        place / config / f"record_test_{kind}.json"
        for config in ("ovsam_rn", "ovsam_head", "ovsam_image_crop")
        for kind in ("box", "center_point")
    }
    old = place / "ovsam_head" / "record_test_box.json"
    old.parent.mkdir(parents=True)
    test.work_dir.mkdir()
    old.touch()
    assert [path.resolve() for pattern in test.clear for path in test.work_dir.glob(pattern)] == [old]
    assert not [path for pattern in train.clear for path in train.work_dir.glob(pattern)]
    renamed = [replace(step, row_of="") if step.config == "ovsam_head" else step for step in STEPS]
    apart = {stage.name: stage for stage in plan_stages(tmp_path, (0,), CONFIGS, steps=renamed)}
    assert apart["test ovsam_rn"].fingerprint != test.fingerprint
    assert apart["train ovsam_rn"].fingerprint == train.fingerprint


def test_semantic_plan_tests_label_maps():
    plan = {s.name: s for s in plan_stages(Path("r"), (0,), CONFIGS, steps=SEMANTIC_STEPS)}
    assert len(plan) == 1 + 2 * 4 + 1
    assert plan["test dense_clip"].needs == ("data",)
    test = plan["test escnet"]
    assert test.command[test.command.index("--prompts") + 1 :] == ("semantic", "--pictures", "12")
    assert test.outputs == (Path("r/seed_0/escnet/record_test_semantic.json"),)


def test_suites_keep_their_records_and_files_apart():
    assert not {*QUICKSTART.prompts, *ABLATIONS.prompts} & {*SEMANTIC_SUITE.prompts}
    assert QUICKSTART.folder == ABLATIONS.folder != SEMANTIC_SUITE.folder


def test_plan_of_two_seeds_shares_the_data():
    stages = plan_stages(Path("root"), (0, 1), CONFIGS)
    names = [stage.name for stage in stages]
    assert len(set(names)) == len(names)
    assert names.count(DATA) == 1
    train = next(stage for stage in stages if stage.name == "seed 1: train ovsam_rn")
    assert train.command[1:4] == ("-m", "ovsam", "train")
    assert train.command[train.command.index("--seed") + 1] == "1"
    assert "weights_root=root/seed_1" in train.command
    assert train.work_dir == Path("root/seed_1/ovsam_rn")
    assert "seed 1: train sam2clip_rn" in train.needs
    test = next(stage for stage in stages if stage.name == "seed 1: test ovsam_rn")
    assert test.needs == ("seed 1: train ovsam_rn",)


def test_a_further_seed_does_not_forget_the_first():
    [alone] = [s for s in plan_stages(Path("r"), (0,), CONFIGS) if s.name == "train sam2clip_rn"]
    both = plan_stages(Path("r"), (0, 1), CONFIGS)
    [among] = [s for s in both if s.name == "seed 0: train sam2clip_rn"]
    assert (alone.marker, alone.log, alone.command) == (among.marker, among.log, among.command)
    markers = [stage.marker for stage in both]
    assert len(set(markers)) == len(markers)


def test_hook_draws_the_first_images_and_lists_them(tmp_path):
    Image.new("RGB", (40, 30), "grey").save(tmp_path / "photo.png")

    def sample(img_id, num):
        made = PromptSample(
            metainfo=dict(
                img_id=img_id,
                img_path=str(tmp_path / "photo.png"),
                ori_shape=(30, 40),
                scale_factor=(1.0, 1.0),
            )
        )
        masks = torch.zeros(num, 30, 40, dtype=torch.bool)
        masks[:, 3:9, 5:20] = True
        made.prompts = Prompts.from_boxes(
            torch.tensor([[5.0, 3, 20, 9]] * num).reshape(-1, 4), "resized"
        )
        made.gt_instances = InstanceData(
            labels=torch.zeros(num, dtype=torch.int64), original_masks=masks
        )
        made.pred_instances = InstanceData(labels=torch.arange(num), masks=masks)
        return made

    classes = [["ring", "circle line"], ["star"]]
    dataset = SimpleNamespace(metainfo=dict(vocabulary=dict(classes=classes)))
    runner = SimpleNamespace(test_dataloader=SimpleNamespace(dataset=dataset))
    hook = PicturesHook(num=2, folder=tmp_path / "pictures")
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, None, [sample(7, 2), sample(8, 0)])
    hook.after_test_iter(runner, 1, None, [sample(9, 1), sample(10, 1)])
    hook.after_test(runner)
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == [
        "00_7.png",
        "01_9.png",
        "pictures.json",
    ]
    drawn = json.loads((tmp_path / "pictures" / "pictures.json").read_text())
    assert [(d["num_right"], d["num_wrong"]) for d in drawn] == [(1, 1), (1, 0)]
    assert drawn[0]["caption"] == "1 right, 1 wrong"
    assert drawn[0]["text"] == "2 objects from boxes: ring named rightly; ring named star"
    assert np.asarray(Image.open(tmp_path / "pictures" / "01_9.png")).shape[1] > 4 * 300


def test_hook_draws_what_a_model_asks_itself_about_the_largest_class(tmp_path):
    Image.new("RGB", (40, 30), "grey").save(tmp_path / "photo.png")
    truth = torch.full((30, 40), 255)
    truth[:10, :10], truth[10:, 10:] = 0, 1
    sample = SemanticSample(
        metainfo=dict(img_id=7, img_path=str(tmp_path / "photo.png"), ori_shape=(30, 40))
    )
    sample.gt_sem_seg, sample.pred_sem_seg = truth, torch.ones(30, 40, dtype=torch.int64)
    asked = []

    def pseudo_prompts(image, label):
        asked.append((tuple(image.shape), label))
        masks = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
        masks[0, 0, 1:3, 1:3] = True
        exists = torch.tensor([[True, False]])
        points = torch.full((1, 2, 2), 0.5)
        return PseudoPrompts(points, torch.zeros(1, 2, 4), masks, exists), torch.rand(4, 4)

    model = SimpleNamespace(
        pseudo_prompts=pseudo_prompts,
        vocabulary=Vocabulary.from_names(["tree", "ring", "star"]),  # another order than the data's
        data_preprocessor=lambda batch: batch,
    )
    facts = dict(class_names=["ring", "star"], ignore_index=255, background=None)
    dataset = SimpleNamespace(metainfo=dict(semseg=facts))
    runner = SimpleNamespace(bare_model=model, test_dataloader=SimpleNamespace(dataset=dataset))
    hook = PicturesHook(num=1, folder=tmp_path / "pictures")
    hook.before_test(runner)
    hook.after_test_iter(runner, 0, dict(inputs=torch.zeros(1, 3, 30, 40)), [sample])
    hook.after_test(runner)
    assert asked == [((3, 30, 40), 2)]
    drawn = json.loads((tmp_path / "pictures" / "pictures.json").read_text())
    assert [entry["file"] for entry in drawn] == ["00_7.png", "00_7_prompts.png"]
    assert drawn[0]["caption"] == "IoU of one half or more: 1 classes; below: 1"
    assert drawn[1]["text"] == "pseudo prompts of the last block for star: 1"
    assert all((tmp_path / "pictures" / entry["file"]).is_file() for entry in drawn)
