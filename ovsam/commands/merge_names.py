"""What `ovsam merge_names` does; its options are in `ovsam.arguments.merge_names`."""

import argparse
from typing import Any

from ovsam.benchmark import provenance
from ovsam.benchmark.signed import write_signed
from ovsam.datasets.class_keys import RULES, SPELLING
from ovsam.datasets.image_folders import folder_vocabulary
from ovsam.datasets.merged_vocabulary import MergedVocabulary, merge_vocabularies, num_chained
from ovsam.datasets.vocabularies import get_vocabulary
from ovsam.files import write_json
from ovsam.structures.vocabulary import Vocabulary

#: Lists -> published size. Source: Open-Vocabulary SAM, table 5; its ImageNet-21k has 19,167 classes.
PUBLISHED = {
    ("v3det", "lvis"): 13_844,
    ("v3det", "lvis", "imagenet21k"): 25_898,
    ("v3det", "lvis", "imagenet21k", "objects365"): 25_970,
}


def run(args: argparse.Namespace) -> int:
    """Merge, print the sizes, and write what is asked for.

    Raises:
        FileNotFoundError: no such tree.
        ValueError: an unknown list, none at all, or names beside --published.
    """
    if args.published == bool(args.names or args.tree):
        raise ValueError("give names of lists, or --published alone")
    measurement = provenance.Measurement()
    wanted = PUBLISHED if args.published else {tuple(args.names): None}
    rows = []
    for names, published in wanted.items():
        lists = [get_vocabulary(name) for name in names]
        if args.tree:
            lists.append(folder_vocabulary(args.tree))
        merged = merge_vocabularies(lists)
        rows.append(_row(merged, lists, published))
        _show(merged, rows[-1])
        if args.report:
            write_json(merged.report(), args.report)
    if args.into:
        content = {"command": "ovsam merge_names --published", "merged": rows}
        write_signed({**content, "provenance": measurement.origin()}, args.into)
    return 0


def _row(merged: MergedVocabulary, lists: list[Vocabulary], published: int | None) -> dict[str, Any]:
    """The sizes by different rules, beside the published one."""
    report = merged.report()
    spelling = merge_vocabularies(lists, rules=SPELLING)
    return {
        "lists": [row["list"] for row in report["lists"]],
        "classes_of_lists": [row["classes"] for row in report["lists"]],
        "published": published,
        "classes": report["classes"],
        "classes_by_spelling_only": len(spelling.vocabulary),
        "classes_if_chained": num_chained(lists),
        "joined_by_rule": {
            rule: number
            for rule in RULES
            if (number := sum(row["joined_by_rule"].get(rule, 0) for row in report["lists"]))
        },
        "ambiguous": len(report["ambiguities"]),
        "digest": report["digest"],
    }


def _show(merged: MergedVocabulary, row: dict[str, Any]) -> None:
    for entry in merged.report()["lists"]:
        rules = ", ".join(f"{number:,} {rule}" for rule, number in entry["joined_by_rule"].items())
        print(
            f"{entry['list']}: {entry['classes']:,} classes, {entry['new']:,} new; joined by"
            f" {rules or 'nothing'}; {entry['ambiguous']:,} ambiguous names joined nothing"
        )
    published = f"{row['published']:,}" if row["published"] else "none"
    print(
        f"together {row['classes']:,} classes; by spelling only {row['classes_by_spelling_only']:,};"
        f" if every shared name chained classes {row['classes_if_chained']:,}; published {published}"
    )
