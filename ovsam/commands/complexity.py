"""What `ovsam complexity` does; its options are in `ovsam.arguments.complexity`."""

import argparse
import json
from collections.abc import Mapping

import torch
from torch import nn

from ovsam.benchmark.complexity import Complexity, measure, write_costs
from ovsam.benchmark.provenance import config_digest
from ovsam.benchmark.specs import TABLES, TableSpec
from ovsam.cli import find_config
from ovsam.commands.shared.options import experiment_name
from ovsam.engine.configuration import load_config
from ovsam.registry import build_model

TABLE_CLASSES, TABLE_VIEWS = 150, 5  # of semantic models in the tables: A-150, five views


def run(args: argparse.Namespace) -> int:
    """Count and print.

    Raises:
        FileNotFoundError: unknown config.
        ValueError: no config, or a model that cannot be counted.
    """
    names = [*args.configs, *(configs_of_tables() if args.of_tables else [])]
    if not names:
        raise ValueError("name a config, such as mini/ovsam_rn, or give --of-tables")
    if args.write and args.executed:
        raise ValueError("--write keeps the published arithmetic: not with --executed")
    counted = {}
    for name in names:
        path = find_config(name)
        config = load_config(path)
        model = build_on(config.model, args.device)
        if len(names) > 1:
            print(f"{experiment_name(path)}:")
        if hasattr(model, "class_logits"):
            found, question = _count_semantic(model, args)
        elif args.classes is not None:
            raise ValueError(f"--classes belongs to semantic segmentors, {name} is none")
        else:
            found = measure(model, args.prompts, is_executed=args.executed)
            question = {"num_prompts": args.prompts}
        _report(model, found, question, args)
        counted[experiment_name(path)] = {
            "config_digest": config_digest(config.to_dict()),
            "macs": found.macs,
            "params": found.params,
            **question,
        }
    if args.write:
        write_costs(counted, args.write)
        print(f"{args.write}: {len(counted)} counts")
    return 0


def _count_semantic(model: nn.Module, args: argparse.Namespace) -> tuple[Complexity, dict[str, int]]:
    """Count a semantic segmentor; its text tower's parameters are in its budget.

    Returns:
        The counts, and `num_classes` and `num_views`.
    """
    classes, views = args.classes, args.crops
    if args.of_tables and classes is None:
        classes, views = TABLE_CLASSES, TABLE_VIEWS
    if classes is None:
        raise ValueError("a semantic segmentor needs a number of classes, as --classes 150 --crops 5")
    found = measure(
        model,
        1,
        lambda: model.forward_complexity(classes, views),
        is_executed=args.executed,
        with_text=True,
    )
    return found, {"num_classes": classes, "num_views": views}


def _report(
    model: nn.Module, found: Complexity, question: Mapping[str, int], args: argparse.Namespace
) -> None:
    """Print what was counted."""
    learnable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    is_semantic = "num_classes" in question
    if args.json:
        content = found.to_dict()
        if is_semantic:
            content |= {"learnable": learnable, "classes": question["num_classes"]}
            content |= {"crops": question["num_views"]}
        print(json.dumps(content))
        return
    asked = ", ".join(f"{number} {key.removeprefix('num_')}" for key, number in question.items())
    title = f"MACs (G), {asked}" + (", executed" if args.executed else "")
    print(f"{'part':<20}{'params (M)':>14}{title:>36}")
    for name, part in {**found.parts, "all": found}.items():
        print(f"{name:<20}{part.params / 1e6:>14,.3f}{part.macs / 1e9:>36,.3f}")
    if is_semantic:
        print(f"learnable parameters: {learnable:,} of {found.params:,}")


def configs_of_tables() -> list[str]:
    """Configs of the rows of all full-size tables that have a column of multiply-adds."""
    specs = [spec for spec in TABLES.values() if isinstance(spec, TableSpec)]
    shown = [spec for spec in specs if "macs" in {column.key for column in spec.columns}]
    rows = [row for spec in shown if not spec.name.startswith("mini") for row in spec.rows]
    return list(dict.fromkeys(row.config for row in rows if row.config))


def build_on(model_config: object, device: str) -> nn.Module:
    """Build a model with its parameters on `device` and class vectors of zeros: no text is encoded."""
    with torch.device(device):
        model = build_model(model_config)
        classifier = getattr(model, "classifier", None)
        if classifier is not None:
            encoder = classifier.text_encoder or model.backbone
            synonyms = max(map(len, classifier.vocabulary.classes))
            classifier.embeddings_from(
                torch.zeros(len(classifier.vocabulary), synonyms, encoder.embed_dim)
            )
    return model
