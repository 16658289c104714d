"""Model cards: licence, data and measured numbers with their provenance, in Markdown for the hub."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovsam.benchmark.records import Record

SHOWN_CLASSES = 100  # of a vocabulary; the rest is in config.json
#: Licence as people write it -> identifier of the hub; others are `other` with the text as its name.
HUB_LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit"}
PURPOSE = "Masks and names for clicks and boxes."
EXAMPLE = """from ovsam.inference.predictor import Predictor

predictor = Predictor.from_pretrained("THIS_FOLDER_OR_HUB_ID")
predictor.set_image("picture.jpg")
prediction = predictor.predict(points=[120, 80])
prediction.names, prediction.masks"""
SEMANTIC_PURPOSE = "One of the given class names for every pixel."
SEMANTIC_EXAMPLE = """from ovsam.inference.semantic_predictor import SemanticPredictor

predictor = SemanticPredictor.from_pretrained("THIS_FOLDER_OR_HUB_ID")
prediction = predictor.segment("picture.jpg", ["road", "tree", "sky"])
prediction.labels, prediction.found  # (H, W) into class_names; name, area, score of each"""


def model_card(
    *,
    name: str,
    config: str,
    licence: str,
    data: str,
    class_names: Sequence[str],
    is_semantic: bool = False,
    weights_sha256: str,
    sources: Mapping[str, str],
    training: Mapping[str, str],
    records: Sequence[Record],
) -> str:
    """The card as Markdown.

    Args:
        name: title.
        config, licence, data: as in `saved_model.Origin`.
        class_names: the model's own vocabulary; empty for models that only segment.
        is_semantic: it gives every pixel a class, instead of answering prompts.
        weights_sha256: of the file, hex.
        sources: files that the weights were put together from -> sha256.
        training: what the weights' metadata say: `seed`, `commit`, `options`, `dirty`.
        records: tests of these very weights.
    """
    pipeline, kind = "mask-generation", "promptable-segmentation"
    purpose, code = PURPOSE, EXAMPLE
    if is_semantic:
        pipeline, kind = "image-segmentation", "semantic-segmentation"
        purpose, code = SEMANTIC_PURPOSE, SEMANTIC_EXAMPLE
    identifier = HUB_LICENCES.get(licence, "other")
    if identifier == "other":
        identifier += f"\nlicense_name: {_plain(licence) or 'not stated'}"
    stated = f"Licence of the weights: **{licence or 'not stated; ask whoever trained them'}**."
    if "non-commercial" in licence.lower():
        stated += " They may not be used commercially."
    origin = [f"- weights.safetensors: sha256 `{weights_sha256}`"]
    origin += [f"- trained with {key}: `{_plain(value)}`" for key, value in training.items() if value]
    origin += [f"- put together from {_plain(name)}: sha256 `{sha}`" for name, sha in sources.items()]
    numbers, provenance = "\n".join(_numbers(records)), "\n".join(origin)
    return f"""---
library_name: ovsam
pipeline_tag: {pipeline}
license: {identifier}
tags: [image-segmentation, open-vocabulary, {kind}]
---

# {name}

{purpose} Made with the config `{config}` of ovsam.

```python
{code}
```

## Licence

{stated}

## Data

{data or "Not stated."}

## Vocabulary

{_vocabulary(class_names)}

## Numbers

{numbers}

## Provenance

{provenance}
"""


def _vocabulary(names: Sequence[str]) -> str:
    if not names:
        return "None: this model only segments."
    shown = ", ".join(_plain(name) for name in names[:SHOWN_CLASSES])
    more = len(names) - SHOWN_CLASSES
    rest = f" and {more:,} more (config.json)" if more > 0 else ""
    return f"{len(names):,} names of its own: {shown}{rest}. Any other names can be given."


def _numbers(records: Sequence[Record]) -> list[str]:
    if not records:
        return ["No test of these weights was given."]
    values = [(key, value) for record in records for key, value in record.metrics.items()]
    measured = sorted({k for k, value in values if value is not None and not k.startswith("num_")})
    rows = [f"| data | prompts | {' | '.join(measured)} |", "| --- | --- |" + " ---: |" * len(measured)]
    for record in records:
        found = [record.metrics.get(key) for key in measured]
        cells = " | ".join("–" if value is None else f"{value:.1f}" for value in found)
        rows.append(f"| {_plain(record.dataset)} | {_plain(record.prompts)} | {cells} |")
    origin = [
        f"- {_plain(r.dataset)}, {_plain(r.prompts)}: seed {r.seed}, commit `{_commit(r.provenance)}`,"
        f" data sha256 `{r.data_sha256[:12]}`, {_plain(str(r.provenance.get('hardware')))}"
        for r in records
    ]
    return [*rows, "", "Percent, measured with tools/test.py on these weights:", "", *origin]


def _commit(provenance: Mapping[str, Any]) -> str:
    commit = str(provenance.get("commit") or "none")[:12]
    return commit + (" with uncommitted changes" if provenance.get("dirty") else "")


def _plain(text: str) -> str:
    """One line without characters that Markdown or HTML interpret."""
    kept = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return kept.replace("|", "\\|").replace("`", "'")
