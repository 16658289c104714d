"""The plan of a sweep: what needs what, where things lie, how processes are started."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mmengine.config import Config

from ovsam.workflows.sweeps import Launch, Run, describe_run, plan_sweep

ROOT = Path("root")
NAMES = ("clip", "sam", "ours", "head")


def run_of(stem, *needs, trains=True, tests=True):
    return Run(
        Path(f"configs/x/{stem}.py"),
        tuple(needs),
        trains,
        tests,
        ("box",),
        f"digest of {stem}",
        frozenset({"a"}),
    )


RUNS = (
    run_of("clip", tests=False),
    run_of("ours", "clip", "sam_vit_h"),
    run_of("head", "ours", trains=False),
)


def plan(runs=RUNS, **changes):
    given = dict(root=ROOT, seeds=[0, 2], launch=Launch(), names=NAMES)
    return {stage.name: stage for stage in plan_sweep(runs, **{**given, **changes})}


def test_every_config_and_seed_after_what_it_reads():
    stages = plan(options=["a.b=3"])
    assert list(stages) == [
        f"seed {k}: {name}"
        for k in (0, 2)
        for name in ("train clip", "train ours", "test ours", "test head")
    ]
    train, test = stages["seed 2: train ours"], stages["seed 2: test head"]
    assert train.needs == ("seed 2: train clip",)
    assert test.needs == ("seed 2: train ours",)
    assert train.work_dir == ROOT / "seed_2" / "ours"
    assert train.resume == ("--resume",)
    assert train.fingerprint == "digest of ours"
    assert train.command[1:] == (
        "-m", "ovsam", "train", "configs/x/ours.py", "--seed", "2", "--work-dir", "root/seed_2/ours",
        "--cfg-options", "weights_root=root/seed_2", "a.b=3",
    )  # fmt: skip
    assert test.outputs == (ROOT / "seed_2" / "head" / "record_test_box.json",)
    assert len({stage.log for stage in stages.values()}) == len(stages)


def test_sets_of_label_maps_are_asked_of_semantic_configs_only():
    runs = [*RUNS, replace(run_of("stuff"), is_semantic=True, prompts=("semantic",))]
    test = plan(runs=runs, sets=("a150", "pc59"))["seed 0: test stuff"]
    assert test.command[test.command.index("--sets") + 1 :][:2] == ("a150", "pc59")
    assert "--prompts" not in test.command
    assert [path.name for path in test.outputs] == [
        "record_test_semantic_a150.json", "record_test_semantic_pc59.json",
    ]  # fmt: skip
    stages = plan(runs=runs, sets=("a150",))
    assert "--sets" not in stages["seed 0: test ours"].command
    plain = plan(runs=runs)["seed 0: test stuff"]
    assert [path.name for path in plain.outputs] == ["record_test_semantic.json"]
    assert "--sets" not in plain.command
    with pytest.raises(ValueError, match=r"no config of the sweep is tested on label maps"):
        plan(sets=("a150",))


def test_weights_of_another_folder(tmp_path):
    with pytest.raises(ValueError, match=r"reads the weights of clip, .*--with-needs.*--weights-root"):
        plan(RUNS[1:], weights_root=tmp_path)
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "weights.safetensors").touch()
    stages = plan(RUNS[1:2], weights_root=tmp_path)
    assert f"weights_root={tmp_path}" in stages["seed 0: train ours"].command
    assert "root/seed_0/ours/weights.safetensors" in stages["seed 0: test ours"].command


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(runs=[*RUNS, run_of("clip")]), r"named \['clip'\]"),
        (dict(seeds=[1, 1]), "different numbers of 0 or more"),
        (dict(options=["a.b=1", "c.b=1"]), r"option 'c\.b=1'"),
        (dict(seeds=[-1]), "different numbers of 0 or more"),
        (dict(weights_root=Path("w")), "this sweep trains, and --weights-root"),
    ],
)
def test_plans_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        plan(**changes)


def test_launchers_start_the_same_command():
    torchrun = Launch("torchrun", 4).command("train", "c.py")
    assert torchrun[:2] == (sys.executable, "-m")
    assert torchrun[2:6] == ("torch.distributed.run", "--standalone", "--nproc-per-node", "4")
    assert torchrun[6:] == ("-m", "ovsam", "train", "c.py", "--launcher", "pytorch")
    slurm = Launch("slurm", 8, ("-p", "gpu")).command("train", "c.py")
    assert slurm[:6] == ("srun", "--ntasks", "8", "--kill-on-bad-exit=1", "-p", "gpu")
    assert slurm[-2:] == ("--launcher", "slurm")
    for wrong, message in (
        (dict(kind="mpi"), "must be one of"),
        (dict(num_processes=2), "need the launcher"),
        (dict(kind="slurm", num_processes=0), "1 or more"),
    ):
        with pytest.raises(ValueError, match=message):
            Launch(**wrong)


def test_config_says_what_it_reads():
    config = Config(
        dict(
            train_cfg=dict(max_epochs=1),
            test_dataloader=dict(batch_size=1),
            initial_weights=dict(a="clip#image", b="clip#text", c="first_mask:sam_vit_h#mask_decoder"),
        )
    )
    found = describe_run(Path("x/ours.py"), config)
    assert found.needs == ("clip", "sam_vit_h")
    assert (found.is_trained, found.is_tested, found.prompts) == (True, True, ())
    config.test_weights = "ours"
    other = describe_run(Path("x/head.py"), config)
    assert (other.needs, other.is_trained) == (("ours",), False)
    config.test_weights = "folder/file.pth#neck"
    assert describe_run(Path("x/head.py"), config).needs == ("folder/file.pth",)
