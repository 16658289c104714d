"""Class embeddings on disk: computed once, by one process, and again whenever anything changes."""

import multiprocessing
import os
import stat

import pytest
import torch
from torch import nn

from ovsam.models.text import embedding_cache
from ovsam.models.text.class_embeddings import embed_strings
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.clip_text import ClipTextEncoder
from ovsam.models.text.embedding_cache import cache_path, embed_strings_once, embeddings_digest
from ovsam.structures.vocabulary import Vocabulary

STRINGS, TEMPLATES = ["cat", "dog", "red fox"], ["a {}.", "the {}"]


class Counting(nn.Module):
    """A text encoder that notes in a file every time it works."""

    def __init__(self, notes):
        super().__init__()
        self.table = nn.Parameter(torch.arange(12.0).reshape(3, 4).sin())
        self.notes = notes
        self.architecture = "counting"

    def encode(self, sentences):
        with open(self.notes, "a") as file:
            file.write(f"{len(sentences)}\n")
        counts = torch.tensor([[s.count(letter) + 1.0 for letter in "aeo"] for s in sentences])
        return counts @ self.table.detach()

    @property
    def calls(self):
        return self.notes.read_text().split() if self.notes.exists() else []


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedding_cache, "WORTH_KEEPING", 0)


@pytest.fixture
def encoder(tmp_path):
    return Counting(tmp_path / "notes")


def test_computed_once_and_read_ever_after(encoder):
    first = embed_strings_once(encoder, STRINGS, TEMPLATES)
    torch.testing.assert_close(first, embed_strings(encoder, STRINGS, TEMPLATES), rtol=0, atol=0)
    assert encoder.calls == ["6", "6"]
    assert torch.equal(embed_strings_once(encoder, STRINGS, TEMPLATES), first)
    assert len(encoder.calls) == 2


def test_any_change_of_strings_templates_weights_or_architecture_is_another_file(encoder):
    digests = {embeddings_digest(encoder, STRINGS, TEMPLATES)}
    digests.add(embeddings_digest(encoder, STRINGS[:2], TEMPLATES))
    digests.add(embeddings_digest(encoder, STRINGS[::-1], TEMPLATES))
    digests.add(embeddings_digest(encoder, STRINGS, TEMPLATES[:1]))
    encoder.architecture = "other"
    digests.add(embeddings_digest(encoder, STRINGS, TEMPLATES))
    with torch.no_grad():
        encoder.table[2, 1] += 1e-6
    digests.add(embeddings_digest(encoder, STRINGS, TEMPLATES))
    assert len(digests) == 6


def test_the_files_that_were_not_used_for_longest_go(encoder, monkeypatch):
    monkeypatch.setattr(embedding_cache, "KEPT_FILES", 2)
    lists = [["cat"], ["dog"], ["red fox"]]
    paths = [cache_path(embeddings_digest(encoder, names, TEMPLATES)) for names in lists]
    for second, names in enumerate(lists[:2]):
        embed_strings_once(encoder, names, TEMPLATES)
        os.utime(paths[second], (second, second))
    embed_strings_once(encoder, lists[0], TEMPLATES)  # used again
    embed_strings_once(encoder, lists[2], TEMPLATES)
    assert [path.is_file() for path in paths] == [True, False, True]
    left = {file.name.strip(".").removesuffix(".lock") for file in paths[0].parent.iterdir()}
    assert left == {paths[0].name, paths[2].name}


def test_who_cannot_wait_is_not_taken_for_a_cache_that_cannot_be_written(encoder, monkeypatch):
    calls = []

    def encode(sentences):
        calls.append(sentences)
        raise TimeoutError("this took more than 0 seconds")

    monkeypatch.setattr(encoder, "encode", encode)
    with pytest.raises(TimeoutError, match="more than 0 seconds"):
        embed_strings_once(encoder, STRINGS, TEMPLATES)
    assert len(calls) == 1


@pytest.mark.parametrize("damage", [b"", b"no safetensors", None])
def test_damaged_file_is_made_again(encoder, damage):
    first = embed_strings_once(encoder, STRINGS, TEMPLATES)
    path = cache_path(embeddings_digest(encoder, STRINGS, TEMPLATES))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage is None else damage)
    assert torch.equal(embed_strings_once(encoder, STRINGS, TEMPLATES), first)
    assert len(encoder.calls) == 2
    assert path.read_bytes() == whole
    assert [p.name for p in path.parent.glob("[!.]*")] == [path.name]


def test_cache_that_cannot_be_written_is_no_error(encoder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("OVSAM_CACHE", str(tmp_path / "file"))
    found = embed_strings_once(encoder, STRINGS, TEMPLATES)
    torch.testing.assert_close(found, embed_strings(encoder, STRINGS, TEMPLATES))


def test_file_of_another_user_can_be_read(encoder):
    embed_strings_once(encoder, STRINGS, TEMPLATES)
    path = cache_path(embeddings_digest(encoder, STRINGS, TEMPLATES))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644


def _ask(notes, barrier, queue):
    embedding_cache.WORTH_KEEPING = 0
    encoder = Counting(notes)
    barrier.wait()
    queue.put(embed_strings_once(encoder, STRINGS, TEMPLATES).tolist())


def test_of_many_processes_one_computes(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=_ask, args=(tmp_path / "notes", barrier, queue)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    found = [queue.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(timeout=30)
    assert all(rows == found[0] for rows in found)
    assert (tmp_path / "notes").read_text().split() == ["6"]


def test_little_work_leaves_no_file(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_cache, "WORTH_KEEPING", 3 * 2 * 12 + 1)
    embed_strings_once(encoder, STRINGS, TEMPLATES)
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(embedding_cache, "WORTH_KEEPING", 3 * 2 * 12)
    embed_strings_once(encoder, STRINGS, TEMPLATES)
    assert (tmp_path / "cache").exists()


def test_classifier_goes_through_the_cache_and_follows_new_weights(tmp_path):
    vocabulary = Vocabulary(name="v", classes=(("red bar", "pink bar"), ("blue star",)))

    def classifier(encoder):
        return VocabularyClassifier(
            vocabulary=vocabulary, text_encoder=encoder, templates=("a {}", "the {}")
        )

    encoder = ClipTextEncoder(architecture="shapes-rn")
    made = classifier(encoder)
    first = made.embeddings
    files = set((tmp_path / "cache" / "class_embeddings").glob("[!.]*"))
    assert len(files) == 1
    assert torch.equal(classifier(encoder).embeddings, first)
    assert set((tmp_path / "cache" / "class_embeddings").glob("[!.]*")) == files
    encoder.load_state_dict(ClipTextEncoder(architecture="shapes-rn").state_dict())
    assert (made.embeddings - first).abs().max() > 1e-3
    assert len(list((tmp_path / "cache" / "class_embeddings").glob("[!.]*"))) == 2


@pytest.mark.parametrize("fused", [False, True])
def test_a_tuned_tower_never_reads_what_another_left(fused):
    """A step of training, then a new classifier, as the next command makes one."""
    encoder = ClipTextEncoder(architecture="shapes-rn")
    vocabulary = Vocabulary.from_names(["red bar", "blue star"])

    def classifier():
        return VocabularyClassifier(vocabulary=vocabulary, text_encoder=encoder, templates=("a {}",))

    before = classifier().embeddings
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=1e-2, fused=fused)
    encoder.encode(["a red bar"]).sum().backward()
    optimiser.step()
    after = classifier().embeddings
    with torch.no_grad():
        expected = embed_strings(encoder, ["red bar", "blue star"], ("a {}",))
    torch.testing.assert_close(after[:, 0], expected, rtol=0, atol=0)
    assert (after - before).abs().max() > 1e-3


def test_meta_device_needs_no_cache(tmp_path):
    with torch.device("meta"):
        encoder = ClipTextEncoder(architecture="shapes-rn")
    with torch.device("meta"):
        assert embed_strings_once(encoder, STRINGS, TEMPLATES).is_meta
    assert not (tmp_path / "cache").exists()
