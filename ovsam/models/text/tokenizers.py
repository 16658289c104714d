"""Sentences to token ids: CLIP's byte pairs, and hashed words for the miniature."""

import re
import zlib
from collections.abc import Sequence

import torch
from open_clip.tokenizer import tokenize as tokenize_byte_pairs
from torch import Tensor

from ovsam.models.backbones.clip_specs import TextTower

PADDING_ID = 0
START_ID = 1
_NUM_SPECIAL = 3  # padding, start, end


def tokenize(sentences: Sequence[str], tower: TextTower) -> Tensor:
    """L sentences -> token ids (L, T) int64 for a text tower of context length T.

    Longer sentences are cut, as in CLIP. The end token, where CLIP reads the sentence's vector, has the
    row's highest id.
    """
    if not sentences:
        raise ValueError("expected at least one sentence, got none")
    if tower.tokenizer == "bpe":
        return tokenize_byte_pairs(list(sentences), context_length=tower.context_length)
    if tower.tokenizer == "words":
        return tokenize_words(sentences, tower.context_length, tower.vocabulary_size)
    raise ValueError(f"tokenizer must be 'bpe' or 'words', got {tower.tokenizer!r}")


def tokenize_words(sentences: Sequence[str], context_length: int, vocabulary_size: int) -> Tensor:
    """One token per word; its id is a hash, so there is no word list and no unknown word.

    L sentences -> (L, T) int64: start, words, end (the highest id), padding.

    Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning.
    """
    ids = torch.full((len(sentences), context_length), PADDING_ID, dtype=torch.int64)
    for row, sentence in enumerate(sentences):
        words = re.findall(r"[a-z0-9]+", sentence.lower())[: context_length - 2]
        tokens = [START_ID, *(word_id(word, vocabulary_size) for word in words), vocabulary_size - 1]
        ids[row, : len(tokens)] = torch.tensor(tokens)
    return ids


def word_id(word: str, vocabulary_size: int) -> int:
    """Id of a lower-case word, the same on every machine."""
    return 2 + zlib.crc32(word.encode()) % (vocabulary_size - _NUM_SPECIAL)
