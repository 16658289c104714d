"""The singular of English nouns in class names: a few endings and two lists."""

#: Words that end like a plural and are no plural of the word without it, or name another thing.
_NO_PLURALS = """
glasses sunglasses eyeglasses spectacles goggles binoculars scissors pliers shorts briefs boxers slacks
tights overalls jeans pants trousers arms blinds braces cards checkers clothes customs darts dominoes
draughts flats goods greens heels irons jacks news pumps series species spirits stocks sweets bowls
skittles works billiards gas atlas canvas christmas lens chaos thermos cosmos pathos rhinoceros calvados
pancreas alias texas mumps pastis molasses
"""
#: Plurals that the endings would get wrong.
_IRREGULAR = """
men:man women:woman children:child feet:foot teeth:tooth geese:goose mice:mouse oxen:ox knives:knife
leaves:leaf loaves:loaf shelves:shelf wolves:wolf calves:calf halves:half scarves:scarf hooves:hoof
elves:elf wives:wife lives:life thieves:thief sheaves:sheaf buses:bus gases:gas lenses:lens viruses:virus
cactuses:cactus cacti:cactus octopuses:octopus fungi:fungus walruses:walrus irises:iris atlases:atlas
canvases:canvas hippopotamuses:hippopotamus taxis:taxi skis:ski bikinis:bikini kiwis:kiwi
"""
NO_PLURALS = frozenset(_NO_PLURALS.split())
IRREGULAR = dict(pair.split(":") for pair in _IRREGULAR.split())
#: Plurals of words in -oe, which end like those of words in -o.
OE_PLURALS = frozenset(("toes", "canoes", "hoes", "does", "roes", "oboes", "aloes", "sloes"))


def singular(name: str) -> str:
    """A name in lower case with its last word in the singular, to compare names with, not to show.

    A final `ie` becomes `y`: "cookies" and "berries" end alike, "cookie" and "berry" do not.

    Example:
        >>> [singular(word) for word in ("wine glasses", "boxes", "mouse traps", "cookies", "cookie")]
        ['wine glasses', 'box', 'mouse trap', 'cooky', 'cooky']
    """
    first, space, word = name.rpartition(" ")
    return first + space + _singular_word(word)


def _singular_word(word: str) -> str:
    if word in NO_PLURALS:
        return word
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        is_long = word.endswith(("xes", "ches", "shes", "sses", "zzes")) or (
            word.endswith("oes") and not word.endswith("shoes") and word not in OE_PLURALS
        )
        word = word[:-2] if is_long else word[:-1]
    return f"{word[:-2]}y" if len(word) > 4 and word.endswith("ie") else word
