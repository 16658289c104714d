"""The miniature was run twice, by two commits, three seeds each: what both have in common agrees."""

import json
from collections import defaultdict
from statistics import mean, stdev

from ovsam.cli import configs_folder

METRICS = ("iou_base", "iou_novel", "accuracy", "accuracy_base", "accuracy_novel")


def runs(file):
    """(config, prompts, metric) -> value of every seed."""
    found = defaultdict(list)
    for record in json.loads((configs_folder() / "mini" / file).read_text())["records"]:
        for metric in METRICS:
            if record["metrics"].get(metric) is not None:
                found[record["config"], record["prompts"], metric].append(record["metrics"][metric])
    return found


def test_two_runs_of_the_miniature_lie_within_one_standard_deviation():
    first, second = runs("results.json"), runs("ablations.json")
    both = first.keys() & second.keys()
    assert len(both) > 50
    for key in both:
        assert len(first[key]) == len(second[key]) == 3, key
        spread = max(stdev(first[key]), stdev(second[key]))
        assert abs(mean(first[key]) - mean(second[key])) <= spread, key
