"""`ovsam measure_names` on a model that answers what it is told, and on random weights."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ovsam.cli import main
from ovsam.commands import measure_names
from ovsam.datasets.shapes.classes import ALL_LOOKS, HELD_OUT_LOOKS, Look


def answering(answers):
    """A model whose n-th picture is embedded as the n-th of these looks, and the embeddings of all."""
    embeddings = torch.nn.functional.normalize(
        torch.randn(len(ALL_LOOKS), 16, generator=torch.Generator().manual_seed(0)), dim=1
    )
    rows = iter([ALL_LOOKS.index(look) for look in answers])
    encoder = SimpleNamespace(
        crop_size=32, embed_crops=lambda crops: torch.stack([embeddings[next(rows)] for _ in crops])
    )
    return SimpleNamespace(image_encoder=encoder, data_preprocessor=lambda batch: batch), embeddings


def test_right_answers_and_answers_with_one_thing_wrong():
    looks = HELD_OUT_LOOKS[:1]
    wrong = Look(looks[0].colour, "fish" if looks[0].shape != "fish" else "tree", *("dots", "white"))
    found = measure_names.measured(*answering([*looks * 3, wrong]), looks, num_pictures=4, seed=0)
    assert found["top_1"] == 75
    assert found["top_5"] >= 75
    assert (found["colour"], found["shape"]) == (100, 75)


def test_pictures_show_the_names_of_their_group(monkeypatch):
    drawn = []
    draw = measure_names.draw_single
    monkeypatch.setattr(
        measure_names, "draw_single", lambda **options: drawn.append(options["look"]) or draw(**options)
    )
    rng = np.random.default_rng(5)
    shown = [HELD_OUT_LOOKS[int(place)] for place in rng.integers(len(HELD_OUT_LOOKS), size=7)]
    found = measure_names.measured(*answering(shown), HELD_OUT_LOOKS, num_pictures=7, seed=5)
    assert drawn == shown
    assert found["top_1"] == found["top_5"] == found["second"] == 100


@pytest.mark.seconds
def test_the_command_writes_what_it_prints(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure_names, "load_parts", lambda *_: {"random": "a" * 64})
    file = tmp_path / "names.json"
    assert main(["measure_names", "--pictures", "3", "--into", str(file)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    content = json.loads(file.read_text())
    assert [line.pop("names") for line in lines] == list(content["names"]) == list(measure_names.GROUPS)
    assert lines == list(content["names"].values())
    assert (content["num_names"], content["num_pictures"]) == (24_000, 3)
