"""When two class names are one: the rules of the merged vocabulary, from the strictest to the loosest.

| rule | makes one of |
|---|---|
| equal | names with the same letters |
| case | "Traffic light", "traffic light" |
| underscore | "traffic_light", "traffic light"; also spaces at the ends, or several |
| punctuation | "T-shirt", "t shirt"; "bird's nest", "birds nest"; "joëlette", "joelette"; "&", "and" |
| article | "the alphorn", "an alphorn", "alphorn"; never "A-line skirt", "line skirt" |
| plural | "sneakers", "sneaker" (the last word only); never "glasses", "glass" (see `plurals`) |
| parenthesis | "bus (vehicle)", "bus", where no second sense is known (see `merged_vocabulary`) |

No rule takes spaces away: "teapot" and "tea pot" stay two names.

What stands in parentheses is a sense. It is compared by the same rules, and two senses of a word are two
names: "crane (bird)" is never "crane (machine)".
"""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from ovsam.datasets.plurals import singular

RULES = ("equal", "case", "underscore", "punctuation", "article", "plural", "parenthesis")
#: The rules that change spelling only.
SPELLING = ("equal", "case", "underscore")

_ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\S)")
_PARENTHESIS = re.compile(r"\(([^()]*)\)")


class NameForms(NamedTuple):
    """A name as each rule leaves it; what is equal at one rule is equal at all later ones."""

    forms: tuple[str, ...]  # one per rule but the last; senses stay in their parentheses
    stem: str  # the last of them without what stands in parentheses
    sense: str  # what stands in parentheses, by the same rules; empty if nothing does

    def first_rule(self, other: "NameForms") -> str:
        """The strictest rule that makes one of both; `parenthesis` if only their stems are equal.

        Raises:
            ValueError: not even the stems are.
        """
        if self.stem != other.stem:
            raise ValueError(f"{self.forms[0]!r} and {other.forms[0]!r} are two names by every rule")
        pairs = zip(RULES, self.forms, other.forms, strict=False)
        return next((rule for rule, one, two in pairs if one == two), RULES[-1])


@cache
def name_forms(name: str) -> NameForms:
    """A name, without synonyms in it, as each rule leaves it.

    Example:
        >>> name_forms("Traffic_Lights").stem
        'traffic light'
        >>> name_forms("crane_(large_birds)")[1:]
        ('crane', 'large bird')
    """
    lower = name.lower()
    spaced = " ".join(lower.replace("_", " ").split())
    plain = _without_punctuation(spaced)
    # The article goes before hyphens become spaces, or "A-line" would lose its A.
    bare = _without_punctuation(_ARTICLE.sub("", spaced))
    senses = _PARENTHESIS.findall(bare)
    sense = " ".join(filter(None, (singular(text.strip()) for text in senses)))
    stem = singular(" ".join(_PARENTHESIS.sub(" ", bare).split()))
    if not stem:  # all of it is in parentheses
        stem, sense = sense, ""
    last = f"{stem} ({sense})" if sense else stem
    return NameForms((name, lower, spaced, plain, bare, last), stem, sense)


def _without_punctuation(text: str) -> str:
    letters = text.replace("&", " and ")
    if not letters.isascii():
        letters = unicodedata.normalize("NFKD", letters)
        letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    letters = re.sub(r"['’`.\"]", "", letters)
    return " ".join(re.sub(r"[^\w()]+", " ", letters).split())
