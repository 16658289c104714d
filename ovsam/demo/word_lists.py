"""The lists of names that the page offers, and the search in them."""

import threading
from collections.abc import Sequence
from pathlib import Path

from ovsam.datasets.imagenet_names import SYNSET_FILES
from ovsam.datasets.vocabularies import VOCABULARIES, get_vocabulary
from ovsam.inference.pretrained import KEPT_VOCABULARIES, Newest, Pretrained
from ovsam.structures.vocabulary import Vocabulary

OWN_WORDS = "the model's own"
#: Lists that take seconds to read and up to minutes to embed: offered where the page is told so.
LARGE_LISTS = frozenset({"shapes22k", "v3det", *SYNSET_FILES})
SHOWN_MATCHES = 30  # names that a search shows


class WordLists:
    """What a visitor may choose in place of words; may be used from several threads.

    Args:
        largest: names that a list may have which nobody asked for.
        lists: offered whatever their size: names of known lists, or files of whoever runs the page.

    Attributes:
        names: of the lists, the model's own first; a file is called by its stem.
    """

    def __init__(self, largest: int, lists: Sequence[str] = ()) -> None:
        self._given = {Path(name).stem if Path(name).suffix else name: name for name in lists}
        small = (name for name in VOCABULARIES if name not in LARGE_LISTS)
        known = {name for name in small if len(get_vocabulary(name)) <= largest}
        self.names = [OWN_WORDS, *sorted(known | set(self._given))]
        self._lock = threading.Lock()
        self._read = Newest[Vocabulary](KEPT_VOCABULARIES)
        self._searched = Newest[tuple[list[str], list[str]]](KEPT_VOCABULARIES)

    def read(self, words: str, model: Pretrained) -> Vocabulary | None:
        """A list as the model reads it; None = the model's own, which is what it was loaded with.

        Raises:
            ValueError: no such list.
        """
        if words not in self.names:
            raise ValueError("unknown list of words; choose one of the lists")
        if words == OWN_WORDS:
            return None
        source = self._given.get(words, words)
        with self._lock:
            return self._read.get_or_make(f"{model.task} {words}", lambda: model.read_vocabulary(source))

    def search(self, words: str, typed: str, model: Pretrained) -> tuple[list[str], int, int]:
        """Names of a list that hold every typed word; those that begin with the text come first.

        Args:
            words: one of `names`.
            typed: text; case does not count.
            model: answers with these names.

        Returns:
            At most `SHOWN_MATCHES` names, how many match, and how many names there are.

        Raises:
            ValueError: no such list.
        """
        names, plain = self._texts(words, model)
        parts = typed.lower().split()
        start = " ".join(parts)
        found = [row for row, name in enumerate(plain) if all(part in name for part in parts)]
        found.sort(key=lambda row: not plain[row].startswith(start))
        return [names[row] for row in found[:SHOWN_MATCHES]], len(found), len(names)

    def _texts(self, words: str, model: Pretrained) -> tuple[list[str], list[str]]:
        """The names of a list as they are shown, and as they are searched."""
        vocabulary = self.read(words, model) or model.vocabulary
        if vocabulary is None:
            raise ValueError("this model only segments, it has no names")

        def make() -> tuple[list[str], list[str]]:
            return vocabulary.names, [name.lower().replace("_", " ") for name in vocabulary.names]

        with self._lock:
            return self._searched.get_or_make(f"{model.task} {words}", make)
