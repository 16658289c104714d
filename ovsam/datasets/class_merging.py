"""Takes class lists one after the other into one; `merged_vocabulary` has the rules."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ovsam.datasets.class_keys import RULES, NameForms, name_forms
from ovsam.structures.class_names import split_names
from ovsam.structures.vocabulary import Vocabulary

#: Words of another sense, although V3Det, LVIS, Objects365 and ImageNet together show only one: found by
#: reading all merges of these lists that took a parenthesis away.
TWO_SENSES = frozenset({"bench", "chicken", "ram", "truffle", "turkey"})


class Merge(NamedTuple):
    """A class that joined another one, and why."""

    source: str  # list of the class that joined
    name: str  # its name that is shared
    joined: str  # the name that it met
    joined_source: str  # the list that this is from
    rule: str  # the strictest that makes both one, see `class_keys`


class Ambiguity(NamedTuple):
    """A class that could have joined others, and did not because nothing says which."""

    source: str
    name: str
    candidates: tuple[str, ...]
    reason: str


class _Named(NamedTuple):
    """A name of a class, and the list that it is from."""

    text: str
    forms: NameForms
    source: str


@dataclass
class _Class:
    """A class under way: of one list at first, of several when others have joined."""

    source: str
    shown: str
    names: list[_Named]
    places: list[int]  # labels in its own list
    is_base: bool = False
    is_novel: bool = False


@dataclass
class ClassList:
    """A list's classes; those that text cannot tell apart are one."""

    vocabulary: Vocabulary
    classes: list[_Class]
    doubles: list[Merge] = field(default_factory=list)


class _Pair(NamedTuple):
    """How well a class fits another one; the smaller, the better."""

    rule: int  # place in RULES
    places: int  # of both names among their synonyms, added
    name: _Named
    other: _Named

    @property
    def rank(self) -> tuple[int, int]:
        return self.rule, self.places


def read_list(vocabulary: Vocabulary) -> ClassList:
    found: dict[tuple[str, ...], _Class] = {}
    result = ClassList(vocabulary, [])
    for label, synonyms in enumerate(vocabulary.classes):
        texts = list(dict.fromkeys(part.strip() for raw in synonyms for part in split_names(raw)))
        if not texts:
            raise ValueError(f"vocabulary {vocabulary.name!r}: class {label} has no name with text")
        names = [_Named(text, name_forms(text), vocabulary.name) for text in texts]
        spellings = tuple(named.forms.forms[2] for named in names)
        first = found.get(spellings)
        if first is None:
            first = _Class(vocabulary.name, synonyms[0], names, [])
            found[spellings] = first
            result.classes.append(first)
        else:
            one, other = names[0], first.names[0]
            rule = one.forms.first_rule(other.forms)
            result.doubles.append(Merge(one.source, one.text, other.text, other.source, rule))
        first.places.append(label)
        first.is_base |= label in vocabulary.base
        first.is_novel |= label in vocabulary.novel
    return result


def ambiguous_stems(lists: Sequence[ClassList]) -> frozenset[str]:
    """Words that some list, or all together, show in more than one sense."""
    senses: defaultdict[str, set[str]] = defaultdict(set)
    found = set(TWO_SENSES)
    for one in lists:
        users: defaultdict[str, set[int]] = defaultdict(set)
        for place, cls in enumerate(one.classes):
            for named in cls.names:
                stem, sense = named.forms.stem, named.forms.sense
                users[stem].add(place)
                if sense:
                    senses[stem].add(sense)
        found |= {stem for stem, places in users.items() if len(places) > 1}
    return frozenset(found | {stem for stem, several in senses.items() if len(several) > 1})


class Merging:
    """The merged classes so far."""

    def __init__(self, last_rule: int, ambiguous: frozenset[str]) -> None:
        self.last_rule = last_rule
        self.ambiguous = ambiguous
        self.classes: list[_Class] = []
        self.by_stem: defaultdict[str, list[int]] = defaultdict(list)
        self.merges: list[Merge] = []
        self.ambiguities: list[Ambiguity] = []

    def take(self, given: ClassList) -> tuple[int, ...]:
        """Merge the next list; the merged label of each of its labels."""
        self.merges += given.doubles
        pairs = {
            (row, label): pair
            for row, cls in enumerate(given.classes)
            for label, pair in self._pairs(cls).items()
        }
        chosen = self._choose(given, pairs)
        labels = [-1] * len(given.vocabulary)
        for row, cls in enumerate(given.classes):
            if row in chosen:
                label, pair = chosen[row], pairs[row, chosen[row]]
                self._join(label, cls, pair)
            else:
                label = len(self.classes)
                self.classes.append(cls)
            for place in cls.places:
                labels[place] = label
        for cls in given.classes:  # only now: a list does not merge with itself
            for named in cls.names:
                label = labels[cls.places[0]]
                if label not in self.by_stem[named.forms.stem]:
                    self.by_stem[named.forms.stem].append(label)
        return tuple(labels)

    def _pairs(self, cls: _Class) -> dict[int, _Pair]:
        """The classes so far that share a name with `cls`, and the best shared names."""
        best: dict[int, _Pair] = {}
        for place, named in enumerate(cls.names):
            for label in self.by_stem.get(named.forms.stem, ()):
                for other_place, other in enumerate(self.classes[label].names):
                    rule = self._rule(named.forms, other.forms)
                    if rule is None:
                        continue
                    pair = _Pair(rule, place + other_place, named, other)
                    if label not in best or pair.rank < best[label].rank:
                        best[label] = pair
        return best

    def _rule(self, one: NameForms, other: NameForms) -> int | None:
        """Place of the rule by which two names are one; None if they are two."""
        if one.stem != other.stem:
            return None
        if one.sense != other.sense and ((one.sense and other.sense) or one.stem in self.ambiguous):
            return None
        rule = RULES.index(one.first_rule(other))
        return rule if rule <= self.last_rule else None

    def _choose(self, given: ClassList, pairs: dict[tuple[int, int], _Pair]) -> dict[int, int]:
        """Row of the new list -> merged label; the best pairs first, no class twice."""
        by_rank: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for key, pair in pairs.items():
            by_rank[pair.rank].append(key)
        chosen: dict[int, int] = {}
        taken: set[int] = set()
        closed: set[int] = set()  # rows with a choice that nothing decides
        for rank in sorted(by_rank):
            free = [
                (row, label)
                for row, label in by_rank[rank]
                if row not in chosen and row not in closed and label not in taken
            ]
            rows, labels = Counter(row for row, _ in free), Counter(label for _, label in free)
            for row, label in free:
                if rows[row] == 1 and labels[label] == 1:
                    chosen[row] = label
                    taken.add(label)
            taken.update(label for label, wanted in labels.items() if wanted > 1)
            for row in dict.fromkeys(r for r, label in free if rows[r] > 1 or labels[label] > 1):
                closed.add(row)
                several = [label for r, label in free if r == row]
                self._undecided(given.classes[row], several, pairs[row, several[0]])
        return chosen

    def _undecided(self, cls: _Class, labels: Sequence[int], pair: _Pair) -> None:
        reason = (
            "several classes have this name"
            if len(labels) > 1
            else "other classes of its own list have this name, too"
        )
        candidates = tuple(self.classes[label].shown for label in labels)
        self.ambiguities.append(Ambiguity(cls.source, pair.name.text, candidates, reason))

    def _join(self, label: int, cls: _Class, pair: _Pair) -> None:
        joined = self.classes[label]
        self.merges.append(
            Merge(cls.source, pair.name.text, pair.other.text, pair.other.source, RULES[pair.rule])
        )
        known = {named.forms.forms[2] for named in joined.names}
        joined.names += [named for named in cls.names if named.forms.forms[2] not in known]
        joined.is_base |= cls.is_base
        joined.is_novel |= cls.is_novel

    def vocabulary(self, name: str) -> Vocabulary:
        """The merged classes as a vocabulary; a shown name that occurs twice gets its list's name."""
        return Vocabulary(
            name=name,
            classes=tuple(self._shown()),
            base=frozenset(label for label, cls in enumerate(self.classes) if cls.is_base),
            novel=frozenset(
                label for label, cls in enumerate(self.classes) if cls.is_novel and not cls.is_base
            ),
        )

    def _shown(self) -> Iterator[tuple[str, ...]]:
        seen: set[str] = set()
        for cls in self.classes:
            texts = [named.text for named in cls.names]
            first = cls.shown if cls.shown not in seen else f"{texts[0]} ({cls.source})"
            seen.add(first)
            parts = {" ".join(part.split()) for part in split_names(first)}
            yield (first, *(text for text in texts if " ".join(text.split()) not in parts))
