"""Figures in the sentences and hand-made tables of the pages are those of the committed files."""

import json
import re

import pytest

from ovsam.benchmark.costs import read_costs
from ovsam.benchmark.reported import published_numbers
from ovsam.cli import PACKAGE, configs_folder

REPOSITORY = PACKAGE.parent


@pytest.fixture(scope="module")
def costs():
    """Config -> (G of multiply-adds, M of parameters)."""
    found = read_costs(configs_folder() / "complexity.json")
    return {name: (row["macs"] / 1e9, row["params"] / 1e6) for name, row in found.items()}


def page(name):
    return " ".join((REPOSITORY / name).read_text().split())


def test_the_readme_says_how_long_the_quickstart_takes():
    content = json.loads((configs_folder() / "mini" / "timing.json").read_text())
    minutes = content["provenance"]["seconds"] / 60
    assert f"The quickstart takes about {minutes:.0f} minutes on two idle CPU cores" in page("README.md")


def test_the_baselines_have_the_counted_costs(costs):
    rows = re.findall(
        r"^\| `(\w+)` \| .*? \| ([\d,.]+) \| ([\d,.]+) \|",
        (configs_folder() / "baselines" / "README.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) == 9
    for config, *shown in rows:
        counted = costs[f"baselines/{config.removesuffix('_finetuned')}"]  # tuning changes no cost
        assert shown == [f"{value:,.1f}" for value in counted], config


def test_esc_net_differs_from_its_published_budget_as_its_page_says(costs):
    macs, params = costs["escnet/escnet_vitl14_cocostuff_80k"]
    sentence = (
        f"{100 * (1 - params / 451):.1f} % fewer parameters and"
        f" {100 * (macs / 2203.5 - 1):.1f} % more multiply-adds than published"
    )
    assert sentence in page("configs/escnet/README.md")
    assert {451.0, 2203.5} <= set(published_numbers().values())


def test_ablations_without_clip2sam_are_smaller_by_what_their_page_says(costs):
    published = {
        "baselines/sam2clip_rn50x16": (1180, 304),
        "ablations/table8/rn50": (728, 165),
        "ablations/table8/rn50x64": (2098, 568),
        "ablations/table8/convnext_l": (1313, 321),
        "ablations/table7/neck_convnext_l_single_scale": (1280, 307),
    }
    assert {value for pair in published.values() for value in pair} <= set(published_numbers().values())
    less = {
        name: (macs - costs[name][0], params - costs[name][1])
        for name, (macs, params) in published.items()
    }
    macs = [one for one, _ in less.values()]
    params = sorted(other for _, other in less.values())
    text = page("configs/ablations/README.md")
    assert f"they are {min(macs):.0f} to {max(macs):.0f} G and" in text
    assert f"{params[1]:.0f} to {params[-1]:.0f} M smaller" in text
    assert f"ConvNeXt-L single-scale is {-params[0]:.0f} M larger" in text
    assert f"ViT-L-14 costs {costs['ablations/table8/vit_l_14'][0]:,.0f} G here" in text
