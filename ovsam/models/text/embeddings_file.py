"""The embeddings of one vocabulary as a file of their own, with what they belong to.

A safetensors file of half precision holds the vectors, the classes with all synonyms, the templates and
a digest of the text encoder's weights. It is never taken for the embeddings of other names, weights or
templates.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ovsam.files import written_whole
from ovsam.models.text.classifier import VocabularyClassifier
from ovsam.models.text.embedding_cache import encoder_digest, tensor_bytes
from ovsam.structures.class_bank import ClassBank

FORMAT = "ovsam class embeddings 1"
ENDING = ".safetensors"
MAKE_THEM = "`ovsam embed_vocabulary NAMES --output FILE` makes them"


@dataclass(frozen=True)
class StoredEmbeddings:
    """What a file holds.

    Attributes:
        origin: the file, for messages.
        name: of the vocabulary.
        classes: C tuples of synonyms, in label order.
        bank: their vectors, float16.
        templates: sentences that the names were put into.
        text_sha256: `encoder_digest` of the text encoder.
    """

    origin: str
    name: str
    classes: tuple[tuple[str, ...], ...]
    bank: ClassBank
    templates: tuple[str, ...]
    text_sha256: str

    @property
    def digest(self) -> str:
        """sha256 (hex) of everything that belongs together."""
        content = [FORMAT, self.name, self.classes, self.templates, self.text_sha256]
        digest = hashlib.sha256(json.dumps(content).encode())
        for tensor in (self.bank.strings, self.bank.rows):
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor_bytes(tensor))
        return digest.hexdigest()

    def check_classes(self, classes: Sequence[tuple[str, ...]], name: str) -> None:
        """Refuse to stand for the vocabulary `name` of other classes.

        Raises:
            ValueError: other classes, or the same in another order.
        """
        if tuple(classes) == self.classes:
            return
        missing = sorted({names[0] for names in classes} - {names[0] for names in self.classes})
        hint = f"; it lacks {missing[:3]}" if missing else "; synonyms or order differ"
        raise ValueError(
            f"{self.origin} does not belong to vocabulary {name!r}: expected embeddings of"
            f" {len(classes):,} classes (names {_short(classes)}), it has {len(self.classes):,} (names"
            f" {_short(self.classes)}){hint}; {MAKE_THEM}"
        )

    def check_classifier(self, classifier: VocabularyClassifier) -> None:
        """Refuse a model whose text encoder or templates are others; without an encoder only these.

        Raises:
            ValueError: they do not belong together.
        """
        _check_kind(classifier)
        problem = ""
        if classifier.text_encoder is not None:
            found = encoder_digest(classifier.text_encoder)
            if found != self.text_sha256:
                problem = f"text weights {found[:12]}, it is of {self.text_sha256[:12]}"
        if classifier.templates != self.templates:
            problem = f"templates such as {classifier.templates[0]!r}, it is of {self.templates[0]!r}"
        if problem:
            raise ValueError(
                f"{self.origin} is of another model: this one has {problem}; {MAKE_THEM} with --model"
            )


def write_embeddings(classifier: VocabularyClassifier, path: str | Path) -> StoredEmbeddings:
    """Embed the vocabulary of a classifier and write it, the whole file or nothing.

    Raises:
        ValueError: a classifier without a frozen text encoder, or a path of another ending.
        OSError: the file cannot be written.
    """
    path = check_output(path)
    _check_kind(classifier)
    if classifier.text_encoder is None:
        raise ValueError("this model has no text encoder, so its vocabulary is fixed")
    bank = classifier.bank
    stored = StoredEmbeddings(
        origin=str(path),
        name=classifier.vocabulary.name,
        classes=classifier.vocabulary.classes,
        bank=ClassBank(bank.strings.half().cpu().contiguous(), bank.rows.cpu().contiguous()),
        templates=classifier.templates,
        text_sha256=encoder_digest(classifier.text_encoder),
    )
    metadata = {
        "format": FORMAT,
        "name": stored.name,
        "classes": json.dumps(stored.classes),
        "templates": json.dumps(stored.templates),
        "text_sha256": stored.text_sha256,
        "digest": stored.digest,
    }
    with written_whole(path) as partial:
        save_file({"strings": stored.bank.strings, "rows": stored.bank.rows}, partial, metadata=metadata)
    return stored


def read_embeddings(path: str | Path) -> StoredEmbeddings:
    """Read a file and check that its vectors and names belong together.

    Raises:
        FileNotFoundError: it is missing.
        ValueError: damaged, changed, or no file of embeddings.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"embeddings file {path} does not exist; {MAKE_THEM}")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ValueError(
                    f"{path} holds no class embeddings (expected format {FORMAT!r}, got"
                    f" {metadata.get('format')!r}); {MAKE_THEM}"
                )
            stored = StoredEmbeddings(
                origin=str(path),
                name=metadata["name"],
                classes=tuple(map(tuple, json.loads(metadata["classes"]))),
                bank=ClassBank(file.get_tensor("strings"), file.get_tensor("rows")),
                templates=tuple(json.loads(metadata["templates"])),
                text_sha256=metadata["text_sha256"],
            )
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} is damaged ({error}); {MAKE_THEM}") from None
    if stored.digest != metadata.get("digest") or len(stored.bank) != len(stored.classes):
        raise ValueError(
            f"{path}: names and vectors do not belong together (digest {stored.digest[:12]}, the file"
            f" says {str(metadata.get('digest'))[:12]}); {MAKE_THEM}"
        )
    return stored


def is_embeddings_file(given: object) -> bool:
    """Whether a vocabulary is given as the name of such a file."""
    return isinstance(given, (str, Path)) and Path(given).suffix.lower() == ENDING


def check_output(path: str | Path) -> Path:
    """The path, if it has the ending of such files; ValueError otherwise."""
    if not is_embeddings_file(path):
        raise ValueError(f"embeddings are written as {ENDING}, got {str(path)!r}")
    return Path(path)


def _check_kind(classifier: VocabularyClassifier) -> None:
    if type(classifier) is not VocabularyClassifier:  # others learn something beside the encoder
        raise ValueError(
            "embeddings in a file are those of a frozen text encoder and sentences, not of a"
            f" {type(classifier).__name__}"
        )


def _short(classes: Sequence[tuple[str, ...]]) -> str:
    content = json.dumps([list(names) for names in classes])
    return hashlib.sha256(content.encode()).hexdigest()[:12]
