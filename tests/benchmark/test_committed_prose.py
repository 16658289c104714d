"""Figures in the sentences and hand-made tables of the pages are those of the committed files.

The generated tables of a page are compared with the results elsewhere (`make_tables --check`).
"""

import json
import re

from ovsam.benchmark.complexity import read_costs
from ovsam.cli import PACKAGE, configs_folder

REPOSITORY = PACKAGE.parent


def page(name):
    return (REPOSITORY / name).read_text()


def cells(text, row, column):
    """Numbers in the columns of this title, of the first row of this name, in a page's tables."""
    for header, body in re.findall(r"^\| Method (.*)\n\|[ -:|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE):
        titles = [title.strip() for title in header.split("|")]
        for line in body.splitlines():
            name, *values = [cell.strip() for cell in line.strip("|").split("|")]
            if name == row and column in titles:
                return float(values[titles.index(column) - 1].replace(",", ""))
    raise AssertionError(f"no table has {row!r} and {column!r}")


def test_the_readme_says_how_long_the_quickstart_takes():
    files = [configs_folder() / "mini" / name for name in ("timing.json", "timing_slow.json")]
    fast, slow = (json.loads(file.read_text())["provenance"]["seconds"] / 60 for file in files)
    text = " ".join(page("README.md").split())
    told = f"about {fast:.0f} minutes on two idle CPU cores, {slow:.0f} on a slower day, after"
    assert f"The quickstart takes {told} a minute or two of set-up" in text


def test_the_baselines_have_the_counted_costs():
    found = read_costs(configs_folder() / "complexity.json")
    pattern = r"^\| `(\w+)` \| .*? \| ([\d,.]+) \| ([\d,.]+) \|"
    rows = re.findall(pattern, page("configs/baselines/README.md"), re.MULTILINE)
    assert len(rows) == 9
    for config, macs, params in rows:
        counted = found[f"baselines/{config.removesuffix('_finetuned')}"]  # tuning changes no cost
        assert macs == f"{counted['macs'] / 1e9:,.1f}"
        assert params == f"{counted['params'] / 1e6:,.1f}"


def test_esc_net_differs_from_its_published_budget_as_its_page_says():
    text = page("configs/escnet/README.md")
    macs, published_macs, params, published_params = (
        cells(text, "ESC-Net ViT-L/14", column)
        for column in ("MACs (G)", "MACs (G) reported", "Params (M)", "Params (M) reported")
    )
    fewer, more = 100 * (1 - params / published_params), 100 * (macs / published_macs - 1)
    sentence = f"{fewer:.1f} % fewer parameters and {more:.1f} % more multiply-adds than published"
    assert sentence in " ".join(text.split())


def test_ablations_without_clip2sam_are_smaller_by_what_their_page_says():
    text = page("configs/ablations/README.md")
    sentences = " ".join(text.split())
    rows = ("R50x16 multi-scale", "R50 multi-scale", "RN50x64", "ConvNeXt-L", "ConvNeXt-L single-scale")
    macs = [-cells(text, row, "MACs (G) difference") for row in rows]
    *params, single = (-cells(text, row, "Params (M) difference") for row in rows)
    assert f"{min(macs):.0f} to {max(macs):.0f} G and" in sentences
    assert f"{min(params):.0f} to {max(params):.0f} M smaller" in sentences
    assert f"ConvNeXt-L single-scale is {-single:.0f} M larger" in sentences
    assert f"ViT-L-14 costs {cells(text, 'ViT-L-14', 'MACs (G)'):,.0f} G here" in sentences
