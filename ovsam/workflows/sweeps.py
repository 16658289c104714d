"""The plan of a sweep: configs x seeds as stages, each after the ones whose weights it reads."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from ovsam.benchmark.provenance import available_cores, config_digest
from ovsam.engine.evaluation import semantic_stem
from ovsam.weights import WEIGHTS_FILE, Source
from ovsam.workflows.runs import stages_of_run
from ovsam.workflows.stages import Stage

LAUNCHERS = ("none", "torchrun", "slurm")


@dataclass(frozen=True)
class Launch:
    """How the processes of a run are started.

    Attributes:
        kind: `none` (one process), `torchrun` (one per GPU of this machine) or `slurm` (`srun`).
        num_processes: of one run.
        srun_options: more options of `srun`, such as the partition.
        num_beside: runs at the same time; all their processes share the cores of this machine.
    """

    kind: str = "none"
    num_processes: int = 1
    srun_options: tuple[str, ...] = ()
    num_beside: int = 1

    def __post_init__(self) -> None:
        if self.kind not in LAUNCHERS:
            raise ValueError(f"launcher must be one of {LAUNCHERS}, got {self.kind!r}")
        if self.num_processes < 1:
            raise ValueError(f"the number of processes must be 1 or more, got {self.num_processes}")
        if self.kind == "none" and self.num_processes > 1:
            raise ValueError(f"{self.num_processes} processes need the launcher torchrun or slurm")

    @property
    def environment(self) -> dict[str, str]:
        """Threads of each process, if a run has several on this machine."""
        if self.kind != "torchrun":
            return {}
        threads = str(max(available_cores() // (self.num_processes * self.num_beside), 1))
        return {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}

    def command(self, name: str, *arguments: str) -> tuple[str, ...]:
        """Program and arguments of an `ovsam` command."""
        if self.kind == "none":
            return (sys.executable, "-m", "ovsam", name, *arguments)
        module = ("-m", "ovsam", name, *arguments, "--launcher")
        number = str(self.num_processes)
        if self.kind == "slurm":
            srun = ("srun", "--ntasks", number, "--kill-on-bad-exit=1", *self.srun_options)
            return (*srun, sys.executable, *module, "slurm")
        # Its own free port, so that several runs fit on one machine.
        torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", number)
        return (sys.executable, *torchrun, *module, "pytorch")


@dataclass(frozen=True)
class Run:
    """One config of a sweep, for every seed.

    Attributes:
        needs: stems of the configs of the sweep whose weights it reads.
        is_trained: whether it trains; a config with `test_weights` reads what another trained.
        prompts: kinds of prompts of its test; empty where the config names none.
        is_semantic: whether it is tested on label maps.
        digest: of what the config computes.
        keys: top-level names of the config: options of others do not reach it.
    """

    path: Path
    needs: tuple[str, ...]
    is_trained: bool
    is_tested: bool
    prompts: tuple[str, ...]
    digest: str
    keys: frozenset[str] = frozenset()
    is_semantic: bool = False

    @property
    def stem(self) -> str:
        """Name of its folder, and of its weights for others."""
        return self.path.stem


def describe_run(path: Path, config: Config, *, is_semantic: bool = False) -> Run:
    """What a config trains, tests and reads; `needs` has every config-like source."""
    sources = [config.test_weights] if config.get("test_weights") else []
    sources = sources or list((config.get("initial_weights") or {}).values())
    return Run(
        path=path,
        needs=tuple(dict.fromkeys(Source.parse(source).name for source in sources)),
        is_trained=bool(config.get("train_cfg")) and not config.get("test_weights"),
        is_tested=bool(config.get("test_dataloader")),
        prompts=tuple(config.get("test_prompts", ())),
        digest=config_digest(config.to_dict()),
        keys=frozenset(config.keys()),
        is_semantic=is_semantic,
    )


def plan_sweep(
    runs: Sequence[Run],
    *,
    root: Path,
    seeds: Sequence[int],
    launch: Launch,
    names: Iterable[str],
    prompts: Sequence[str] = (),
    sets: Sequence[str] = (),
    options: Sequence[str] = (),
    weights_root: Path | None = None,
) -> list[Stage]:
    """Stages of a sweep.

    Args:
        runs: in order of preference.
        root, seeds: one run of every config for each seed, in `root/seed_<k>/<config stem>`.
        names: stems of all configs there are: a source of that name is a config's weights.
        prompts, sets: kinds of prompts and sets of label maps of every test; its config's if left out.
        options: `KEY=VALUE` for every training and test of a config that has the key's first part.
        weights_root: folder of weights that no run of the sweep trains; a seed's own folder if left out.

    Raises:
        ValueError: two configs of the same file name, a seed twice, an option of no config, or weights
            that no run trains and that do not exist.
    """
    stems = [run.stem for run in runs]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise ValueError(f"two configs of a sweep are named {twice}; run them in separate sweeps")
    if len(set(seeds)) < len(seeds) or min(seeds, default=-1) < 0:
        raise ValueError(f"seeds must be different numbers of 0 or more, got {list(seeds)}")
    for option in options:
        if not any(_fits(option, run) for run in runs):
            raise ValueError(f"no config of the sweep has the key of the option {option!r}")
    if sets and not any(run.is_semantic for run in runs):
        raise ValueError("no config of the sweep is tested on label maps; leave out --sets")
    trained, known = {run.stem for run in runs if run.is_trained}, set(names)
    asked = {False: prompts, True: sets}
    stages = []
    for seed in seeds:
        place = root / f"seed_{seed}"
        for run in runs:
            mine = [name for name in run.needs if name in trained]
            _check_sources(run, known - trained, weights_root or place)
            if mine and weights_root:
                raise ValueError(
                    f"{run.stem} reads {mine}, which this sweep trains, and --weights-root names another"
                    " folder; leave one of them out"
                )
            stages += _stages_of(
                run, mine, place, seed, launch, asked[run.is_semantic], options, weights_root
            )
    return stages


def _fits(option: str, run: Run) -> bool:
    return option.partition("=")[0].partition(".")[0] in run.keys


def _check_sources(run: Run, known: set[str], folder: Path) -> None:
    for name in run.needs:
        path = folder / name / WEIGHTS_FILE
        if name in known and not path.is_file():
            raise ValueError(
                f"{run.stem} reads the weights of {name}, which are not in {path.parent}; add that"
                " config to the sweep (--with-needs adds all of them), or name the folder of the weights"
                " with --weights-root"
            )


def _stages_of(
    run: Run,
    trained: Sequence[str],
    place: Path,
    seed: int,
    launch: Launch,
    asked: Sequence[str],
    options: Sequence[str],
    weights_root: Path | None,
) -> list[Stage]:
    work_dir = place / run.stem
    prefix = f"seed {seed}: "
    folder = weights_root or place
    shared = (str(run.path), "--seed", str(seed), "--work-dir", str(work_dir))
    fitting = [option for option in options if _fits(option, run)]
    changed = ("--cfg-options", f"weights_root={folder}", *fitting)
    needs = tuple(f"{prefix}train {name}" for name in trained)
    if run.is_semantic:
        chosen, name = tuple(asked), "--sets"
        files = tuple(semantic_stem(one) for one in chosen or ("",))
    else:
        chosen, name = tuple(asked or run.prompts), "--prompts"
        files = chosen
    commands = {}
    if run.is_trained:
        commands["train"] = launch.command("train", *shared, *changed)
    if run.is_tested:
        own = (str(work_dir / WEIGHTS_FILE),) if run.is_trained and weights_root else ()
        option = (name, *chosen) if chosen else ()
        commands["test"] = launch.command("test", shared[0], *own, *shared[1:], *option, *changed)
    return stages_of_run(
        work_dir,
        prefix=prefix,
        needs=needs,
        commands=commands,
        records=files,
        fingerprints=dict.fromkeys(commands, run.digest),
        environment=launch.environment,
    )
