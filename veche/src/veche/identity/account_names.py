"""Account names: one word that names one account (RFC 8265), in one script.

One job: text in; the name as shown, and the two forms that must be unique, out.
Must not know: the database, forms, who is asking.
"""

import itertools
import unicodedata
from dataclasses import dataclass
from typing import Final

from precis_i18n import get_profile

from veche.identity.characters import NameKind, forbidden_characters, list_characters
from veche.identity.errors import NameRefused

MIN_CHARACTERS: Final = 2
MAX_CHARACTERS: Final = 40
PUNCTUATION: Final = frozenset("._-")

# UTS 39 counts these as one script each: they are written together.
WRITTEN_TOGETHER: Final = (
    frozenset({"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    frozenset({"CJK", "IDEOGRAPHIC", "BOPOMOFO"}),
    frozenset({"CJK", "IDEOGRAPHIC", "HANGUL"}),
)
# The first word of a Unicode name is its script, but for these.
SCRIPT_OF_FIRST_WORD: Final = {"ARABIC-INDIC": "ARABIC", "EXTENDED": "ARABIC", "COMBINING": ""}

# Letters that a reader takes for a Latin one, in either case ("В" is "B", so "в" is "b"): our own table, kept to
# the scripts of the site's languages and Greek. It joins "сор" and "cop", which the single-script rule cannot.
LOOKS_LIKE: Final = str.maketrans(
    "авеёікмнорстухѕјһԁԛԝ" + "αβεικνορτυχηζμ" + "ıɑɡ",
    "abeeikmhopctyxsjhdqw" + "abeikvoptuxhzm" + "iag",
)


@dataclass(frozen=True)
class AccountName:
    """A name that passed: `shown` keeps the case; `canonical` and `skeleton` are for comparing and for UNIQUE."""

    shown: str
    canonical: str
    skeleton: str


def parse_account_name(text: str) -> AccountName:
    """Return the three forms of the name.

    Raises NameRefused: forbidden_characters{characters}, too_short{min}, too_long{max}, mixed_scripts{scripts},
    punctuation (at an end, or twice in a row) or format (what RFC 8265 refuses beyond that, such as its Bidi rule).
    """
    # NFKC first: RFC 8265 refuses compatibility characters; full-width letters and ligatures are typed in good faith.
    shown = unicodedata.normalize("NFKC", text.strip())
    if characters := forbidden_characters(shown, NameKind.ACCOUNT):
        raise NameRefused("forbidden_characters", characters=list_characters(characters))
    if len(shown) < MIN_CHARACTERS:
        raise NameRefused("too_short", min=MIN_CHARACTERS)
    if len(shown) > MAX_CHARACTERS:
        raise NameRefused("too_long", max=MAX_CHARACTERS)
    if _is_badly_punctuated(shown):
        raise NameRefused("punctuation")
    if len(scripts := scripts_of(shown)) > 1 and not any(scripts <= together for together in WRITTEN_TOGETHER):
        raise NameRefused("mixed_scripts", scripts=", ".join(sorted(script.capitalize() for script in scripts)))
    try:
        shown = get_profile("UsernameCasePreserved").enforce(shown)
        canonical = get_profile("UsernameCaseMapped").enforce(shown)
    except UnicodeEncodeError as error:
        raise NameRefused("format", rule=error.reason) from error
    return AccountName(shown=shown, canonical=canonical, skeleton=skeleton_of(canonical))


def skeleton_of(canonical: str) -> str:
    """Return what the name looks like; two names that look alike have one skeleton."""
    return canonical.casefold().translate(LOOKS_LIKE)


def scripts_of(text: str) -> set[str]:
    """Return the scripts of the letters in the text, in Unicode's words; ASCII digits and punctuation have none."""
    scripts = set()
    for character in text:
        if character.isascii() and not character.isalpha():
            continue
        first_word = unicodedata.name(character, "UNNAMED").split(" ", 1)[0]
        scripts.add(SCRIPT_OF_FIRST_WORD.get(first_word, first_word))
    return scripts - {""}


def _is_badly_punctuated(name: str) -> bool:
    if name[0] in PUNCTUATION or name[-1] in PUNCTUATION:
        return True  # a name that ends a sentence, "see @ivan.", must not swallow the full stop
    return any(a in PUNCTUATION and b in PUNCTUATION for a, b in itertools.pairwise(name))
