"""From class names to the text embeddings that classify regions."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ovsam.interfaces import TextEncoder
from ovsam.structures.class_bank import ClassBank
from ovsam.structures.class_names import class_strings
from ovsam.structures.vocabulary import Vocabulary


def synonym_table(vocabulary: Vocabulary) -> list[list[str]]:
    """C rows of P strings; a class with fewer synonyms repeats its first."""
    table = []
    for synonyms in vocabulary.classes:
        strings = [string for synonym in synonyms for string in class_strings(synonym)]
        table.append(list(dict.fromkeys(strings)))
    longest = max(len(row) for row in table)
    return [row + [row[0]] * (longest - len(row)) for row in table]


def vocabulary_strings(vocabulary: Vocabulary) -> list[str]:
    """The different strings of a vocabulary, in order of their first class."""
    return list(dict.fromkeys(string for row in synonym_table(vocabulary) for string in row))


def embed_strings(text_encoder: TextEncoder, strings: Sequence[str], templates: Sequence[str]) -> Tensor:
    """L strings -> (L, D) float32: embedded in templates, normalised, averaged over them, normalised.

    Source: Gu et al., ViLD, section 3.2 (prompt ensembling).
    """
    if not templates or any("{}" not in template for template in templates):
        raise ValueError(f"templates must be sentences that hold '{{}}', got {list(templates)}")
    sentences = [template.format(string) for string in strings for template in templates]
    vectors = F.normalize(text_encoder.encode(sentences).float(), dim=-1)
    vectors = vectors.unflatten(0, (len(strings), len(templates)))  # (L, D) -> (strings, templates, D)
    return F.normalize(vectors.mean(dim=1), dim=-1)


def embed_bank(
    text_encoder: TextEncoder,
    vocabulary: Vocabulary,
    templates: Sequence[str],
    embed: Callable[[Any, Sequence[str], Sequence[str]], Tensor] = embed_strings,
) -> ClassBank:
    """Vectors of C classes with up to P synonyms, float32, unit length.

    Arguments and errors are those of `embed_strings`, which another `embed` may replace.
    """
    strings = vocabulary_strings(vocabulary)
    vectors = embed(text_encoder, strings, templates)
    place = {string: row for row, string in enumerate(strings)}
    rows = [[place[string] for string in row] for row in synonym_table(vocabulary)]
    return ClassBank(vectors, torch.tensor(rows, device=vectors.device))


def embed_vocabulary(
    text_encoder: TextEncoder, vocabulary: Vocabulary, templates: Sequence[str]
) -> Tensor:
    """As `embed_bank`, as one table (C, P, D)."""
    return embed_bank(text_encoder, vocabulary, templates).table


def class_logits(vectors: Tensor, embeddings: Tensor, scale: float) -> Tensor:
    """Similarity of regions to classes: (N, D) of any length, (C, P, D) of unit length -> (N, C + 1).

    It is `scale` (100 in CLIP) times the largest cosine over the P synonyms; 0 in the last column,
    background.
    """
    vectors = F.normalize(vectors.float(), dim=-1)
    cosines = vectors @ embeddings.flatten(0, 1).t()  # (N, D) x (D, C P) -> (N, C P)
    best = cosines.unflatten(1, embeddings.shape[:2]).amax(dim=2)  # (N, C, P) -> (N, C)
    return F.pad(scale * best, (0, 1))  # (N, C) -> (N, C + 1)
