"""The start of the pre-training once more: its losses are those of the committed curves.

    python tests/training/pretraining.py                                    # 25 minutes on two cores
    python tests/training/pretraining.py --write work_dirs/pretrain/seed_0  # after `make pretrain`
    python tests/training/pretraining.py sam_vit --write FOLDER             # of one training

The first epochs, at least a tenth of all, run with the released seed and schedule. The sums of a step
differ in their last bits between processors, so later losses agree within a spread only. The curves of
the small SAM and the dense CLIP are of their first epochs in world 4: a whole run of `make pretrain`
there has not been made.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ovsam.benchmark.provenance import hardware, versions
from ovsam.benchmark.signed import read_signed, write_signed
from ovsam.cli import configs_folder, main
from ovsam.visualization.curves import Curve, read_curve
from ovsam.weights import WEIGHTS_FILE, read_metadata

CURVES = configs_folder() / "mini" / "pretraining.json"
#: Config -> epochs that are run again: of 6, 7 and 9.
EPOCHS = {"clip_rn": 1, "sam_vit": 1, "clip_vit_dense": 1}
WINDOW = 5  # logged losses whose mean is compared
FIRST_TOLERANCE = 1e-3  # of the first logged loss, relative
TOLERANCE = 0.1  # of the mean of a window, relative


def write_curves(folder: Path, configs: Sequence[str]) -> None:
    """Write the curves of trainings of this machine, below `folder`, into the committed file."""
    content = read_signed(CURVES)
    for config in configs:
        curve = read_curve(folder / config)
        content["curves"][config] = {
            "steps": curve.steps.tolist(),
            "losses": [round(x, 5) for x in curve.losses],
            "training": read_metadata(folder / config / WEIGHTS_FILE),
            "hardware": hardware(),
            "versions": versions(),
        }
    write_signed(content, CURVES)


def released_curve(config: str) -> Curve:
    """The committed curve."""
    curve = read_signed(CURVES)["curves"][config]
    return Curve(np.array(curve["steps"]), np.array(curve["losses"]))


def differences(released: Curve, again: Curve) -> tuple[float, float]:
    """Relative differences of the first logged loss, and the largest of the means of all windows.

    Raises:
        ValueError: the runs logged different steps.
    """
    count = len(again.steps)
    if not np.array_equal(released.steps[:count], again.steps):
        raise ValueError(f"logged at {again.steps[:5]}..., the released run at {released.steps[:5]}...")
    whole = count // WINDOW * WINDOW
    before, after = (c.losses[:whole].reshape(-1, WINDOW).mean(axis=1) for c in (released, again))
    first = abs(again.losses[0] / released.losses[0] - 1)
    return float(first), float(np.abs(after / before - 1).max())


def run_again(config: str, folder: Path) -> Curve:
    """Train the first epochs with the released schedule, which goes on beyond them."""
    options = ["--cfg-options", f"train_cfg.max_epochs={EPOCHS[config]}"]
    assert main(["train", f"mini/{config}", "--work-dir", str(folder / config), *options]) == 0
    return read_curve(folder / config)


def check(configs: Sequence[str]) -> bool:
    """Run, print, and say whether all agree."""
    agree = True
    with tempfile.TemporaryDirectory() as folder:
        for config in configs:
            first, later = differences(released_curve(config), run_again(config, Path(folder)))
            agrees = first <= FIRST_TOLERANCE and later <= TOLERANCE
            agree = agree and agrees
            shown = {"config": config, "first": first, "later": later, "agrees": agrees}
            print(json.dumps(shown), flush=True)
    return agree


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("configs", nargs="*", default=list(EPOCHS), help="which; all if left out")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write the curves of this run")
    given = parser.parse_args()
    if given.write:
        write_curves(given.write, given.configs)
        sys.exit(0)
    sys.exit(0 if check(given.configs) else 1)
