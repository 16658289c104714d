"""One vocabulary of several class lists: classes of different lists that share a name become one.

Source: Open-Vocabulary SAM, supplement S1.3 ("merged by shared synonyms"); its rules are not published.
These are ours. `class_keys` says when two names are one. Then:

1. A class has all its synonyms as names; a raw name is split as for the text encoder (`split_names`).
2. Two classes of one list stay two, unless their names differ in case and spaces only ("battery" and
   "Battery" in V3Det): text cannot tell these apart, so both become one class.
3. A name with a sense ("bus (vehicle)") meets the plain name ("bus") only if no list shows a second
   sense: neither another parenthesis, nor two classes of one list with this word ("bat" and "bat
   (animal)"), nor our short list of such words. Otherwise the plain name is ambiguous and meets only
   other plain ones.
4. The lists are taken in order. A class joins at most one class of those before it, and each of these
   takes at most one of the new list. If there is a choice, the stricter rule wins, then the names that
   stand earlier among the synonyms. If a choice is left (two homonyms, two candidates), no class joins,
   and the report says so.
5. A class keeps the labels of all that joined it: the name shown is the first one's, the synonyms are
   those of all. It is base if one of them is, else novel if one of them is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ovsam.datasets.class_keys import RULES, SPELLING, name_forms
from ovsam.datasets.class_merging import Ambiguity, Merge, Merging, ambiguous_stems, read_list
from ovsam.structures.class_names import split_names
from ovsam.structures.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class MergedVocabulary:
    """Several class lists as one."""

    vocabulary: Vocabulary  # the merged classes
    sources: tuple[Vocabulary, ...]  # the lists, in the order in which they were taken
    # one row per list: the merged label of each of its labels
    labels: tuple[tuple[int, ...], ...]
    merges: tuple[Merge, ...] = ()
    ambiguities: tuple[Ambiguity, ...] = ()

    def labels_of(self, source: str) -> tuple[int, ...]:
        """The merged label of each label of the list that is called `source`.

        Raises:
            ValueError: no list is.
        """
        for vocabulary, labels in zip(self.sources, self.labels, strict=True):
            if vocabulary.name == source:
                return labels
        known = ", ".join(vocabulary.name for vocabulary in self.sources)
        raise ValueError(f"vocabulary {self.vocabulary.name!r} has no list {source!r}; it has {known}")

    def report(self) -> dict[str, Any]:
        """What was merged and why, as plain data for JSON."""
        sizes, running = [], 0
        for vocabulary, labels in zip(self.sources, self.labels, strict=True):
            total = max(running, max(labels) + 1)
            rules = Counter(m.rule for m in self.merges if m.source == vocabulary.name)
            sizes.append(
                {
                    "list": vocabulary.name,
                    "classes": len(vocabulary),
                    "new": total - running,
                    "merged_classes": total,
                    "joined_by_rule": {rule: rules[rule] for rule in RULES if rules[rule]},
                    "ambiguous": sum(a.source == vocabulary.name for a in self.ambiguities),
                }
            )
            running = total
        return {
            "vocabulary": self.vocabulary.name,
            "classes": len(self.vocabulary),
            "digest": self.vocabulary.digest(),
            "lists": sizes,
            "merges": [merge._asdict() for merge in self.merges],
            "ambiguities": [ambiguity._asdict() for ambiguity in self.ambiguities],
        }


def merge_vocabularies(
    vocabularies: Sequence[Vocabulary], *, name: str = "", rules: Sequence[str] = RULES
) -> MergedVocabulary:
    """Merge class lists by shared names, see the module's text.

    Args:
        vocabularies: one or more lists with different names.
        name: of the result; the lists' names joined by `+` if left out.
        rules: the first ones of `class_keys.RULES` that count, at least `SPELLING`.

    Raises:
        ValueError: no lists, two of one name, or other rules.
    """
    names = [vocabulary.name for vocabulary in vocabularies]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected one or more class lists with different names, got {names}")
    if tuple(rules) != RULES[: len(rules)] or len(rules) < len(SPELLING):
        raise ValueError(f"rules must be the first 3 or more of {', '.join(RULES)}, got {list(rules)}")
    lists = [read_list(vocabulary) for vocabulary in vocabularies]
    merging = Merging(len(rules) - 1, ambiguous_stems(lists))
    labels = [merging.take(groups) for groups in lists]
    return MergedVocabulary(
        vocabulary=merging.vocabulary(name or "+".join(names)),
        sources=tuple(vocabularies),
        labels=tuple(labels),
        merges=tuple(merging.merges),
        ambiguities=tuple(merging.ambiguities),
    )


def num_chained(vocabularies: Sequence[Vocabulary]) -> int:
    """Classes that were left if every shared name made one of two classes, homonyms too.

    Names are compared by spelling, senses do not count. It is a lower bound to compare published sizes
    with, not a way to merge: "crane" would make one class of the bird and the machine.
    """
    group_of: dict[Any, Any] = {}

    def find(node: Any) -> Any:
        while group_of.setdefault(node, node) != node:
            group_of[node] = group_of[group_of[node]]
            node = group_of[node]
        return node

    classes = []
    for place, vocabulary in enumerate(vocabularies):
        for label, synonyms in enumerate(vocabulary.classes):
            classes.append((place, label))
            for raw in synonyms:
                for name in split_names(raw):
                    spelling = name_forms(name.partition(" (")[0]).forms[2]
                    group_of[find(spelling)] = find((place, label))
    return len({find(node) for node in classes})
