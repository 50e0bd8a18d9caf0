"""Content rules: which matches must not go out, and what in the others is hidden.  Pure.

A list names words, one a line:  ``word``, or ``word<TAB or comma>category``, or ``word, category, mask``.
``block`` (the default) drops the match, ``mask`` puts ＊ in the word's place.  A line that begins with # is a
comment.  Words are found whatever their width and case, and across characters that nobody sees; one that
begins or ends with a Latin letter or a digit counts only as a whole word there (``av`` is not in ``have``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import ahocorasick

from consumer.contacts import MASK, mask_contacts, may_have_contacts
from consumer.profile import profile_values
from schemas.events import MatchCreated

HIDDEN: Final = "＊"
_WIDE: Final = len(HIDDEN.encode())
UNNAMED: Final = "sensitive"
"""The category of words whose line names none."""
MOST_WORDS: Final = 200_000
LONGEST_WORD: Final = 64
"""Characters; what is longer is a sentence, or a file that is no list of words."""
LONGEST_CATEGORY: Final = 40

Action = Literal["block", "mask"]
_BETWEEN: Final = re.compile(r"[\t,，]")
_CATEGORY: Final = re.compile(r"[\w-]+(?: [\w-]+)*")
_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("content",),
    "link": ("title", "desc"),
    "miniprogram": ("title",),
    "msgmenu": ("head_content", "tail_content"),
    "location": ("name", "address"),
}
"""Of each msgtype, what a person reads."""


class _Folding(dict[int, str]):
    """What each character is compared as, learnt as it is met: its compatible form, without case."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        is_unseen = unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f"
        self[code] = folded = "" if is_unseen else unicodedata.normalize("NFKC", char).casefold()
        return folded


_FOLDING: Final = _Folding()


def folded(text: str) -> str:
    """Write a text as words are compared: half width, lower case, nothing invisible."""
    return text.translate(_FOLDING)


@dataclass(frozen=True, slots=True)
class Word:
    """A line of the list."""

    text: str
    category: str = UNNAMED
    action: Action = "block"


@dataclass(frozen=True, slots=True)
class WordsRead:
    """A list as it was understood; complaints name lines, never words."""

    words: tuple[Word, ...]
    complaints: tuple[str, ...] = ()


def read_words(text: str) -> WordsRead:
    """Read a list; a line that is not understood is left out and told of."""
    words: list[Word] = []
    complaints: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = [part.strip() for part in _BETWEEN.split(line)]
        word, category, action = [*parts, "", ""][:3]
        problem = _problem(word, category, action, is_long=len(parts) > 3)  # noqa: PLR2004 - the three
        if len(words) == MOST_WORDS:
            complaints.append(f"line {number}: more than {MOST_WORDS} words; the rest is left out")
            break
        if problem:
            complaints.append(f"line {number}: {problem}; the line is left out")
        else:
            words.append(Word(word, category or UNNAMED, "mask" if action.lower() == "mask" else "block"))
    return WordsRead(tuple(words), tuple(complaints))


def _problem(word: str, category: str, action: str, *, is_long: bool) -> str | None:
    problems = {
        "no word": not folded(word).strip(),
        f"more than {LONGEST_WORD} characters": len(word) > LONGEST_WORD,
        "more than a word, a category and an action": is_long,
        "before the action comes a category: word, category, mask": category.lower() in {"block", "mask"},
        "a category is letters, digits, - and _": bool(category)
        and (len(category) > LONGEST_CATEGORY or not _CATEGORY.fullmatch(category)),
        "the action is block or mask": action.lower() not in {"", "block", "mask"},
    }
    return next((problem for problem, is_so in problems.items() if is_so), None)


class Finder:
    """Finds many words at once; made of words that are all for the same action."""

    def __init__(self, words: Iterable[Word]) -> None:
        self._automaton = ahocorasick.Automaton()
        for word in words:
            text = folded(word.text)
            starts, ends = _is_latin(text[0]), _is_latin(text[-1])
            if text not in self._automaton:
                self._automaton.add_word(text, (len(text), starts, ends, word.category))
        self._automaton.make_automaton()

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Find words in a folded text: from, to (behind the last character), category."""
        for last, (length, starts, ends, category) in self._automaton.iter(text):
            first, behind = last - length + 1, last + 1
            if starts and first > 0 and _is_latin(text[first - 1]):
                continue
            if ends and behind < len(text) and _is_latin(text[behind]):
                continue
            yield first, behind, category


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


@dataclass(frozen=True, slots=True)
class Content:
    """The rules in force.

    Without a list nothing is blocked; contacts are masked unless ``shows_contacts``.
    """

    blocking: Finder | None = None
    masking: Finder | None = None
    shows_contacts: bool = False
    complaints: tuple[str, ...] = field(default=())

    def blocked(self, match: MatchCreated) -> str:
        """Tell the category of a blocked word in what a match says; empty: there is none."""
        return "" if self.blocking is None else self.blocked_in(_joined(match))

    def blocked_in(self, text: str) -> str:
        """Tell the category of a blocked word in a text; empty: there is none."""
        if self.blocking is None:
            return ""
        return next((category for _, _, category in self.blocking.find(folded(text))), "")

    def cleaned(self, match: MatchCreated) -> MatchCreated:
        """Hide what must not be read in what a match says; most matches come back as they are."""
        said = _joined(match)
        if not self._concerns(said):
            return match
        profile = {name: self.hidden(text) for name, text in profile_values(match).items()}
        update: dict[str, object] = {
            "profile_name": self.hidden(match.profile_name),
            "intent_name": self.hidden(match.intent_name),
            "explanation": self.hidden(match.explanation),
            "matched_conditions": tuple(self.hidden(text) for text in match.matched_conditions),
        }
        return match.model_copy(update=update | ({"profile": profile} if profile else {}))

    def hidden(self, text: str) -> str:
        """Mask contacts and listed words in a text; it has as many characters as before."""
        text = text if self.shows_contacts else mask_contacts(text)
        return text if self.masking is None else _hidden(self.masking, text)

    def guarded(self, body: dict[str, object]) -> dict[str, object]:
        """Hide blocked words that only a template and its values make together, or the template has itself.

        The last look before a body is frozen: what a match says was judged before.  A text gets no longer,
        in bytes either, for it may fill its message.
        """
        said = body.get(str(body.get("msgtype")))
        shown = _SHOWN.get(str(body.get("msgtype")), ())
        if self.blocking is None or not isinstance(said, dict):
            return body
        texts = {
            key: _hidden(self.blocking, text, is_full=True)
            for key in shown
            if isinstance(text := said.get(key), str)
        }
        changed = {key: text for key, text in texts.items() if text != said[key]}
        return {**body, str(body["msgtype"]): said | changed} if changed else body

    def _concerns(self, said: str) -> bool:
        if not self.shows_contacts and may_have_contacts(said):
            return True
        return self.masking is not None and next(self.masking.find(folded(said)), None) is not None


def _joined(match: MatchCreated) -> str:
    """Write down what a match may say to its user, for one look at all of it; no word spans two lines."""
    said = [match.profile_name, match.intent_name, match.explanation, *match.matched_conditions]
    if match.model_extra:
        said += profile_values(match).values()
    return "\n".join(said)


def _hidden(finder: Finder, text: str, *, is_full: bool = False) -> str:
    """Mask every word found: a character each, so that the text keeps its length in characters.

    Where it ``is_full`` nothing takes more bytes than what it hides: ＊ has three, a letter one.
    """
    found = list(finder.find(folded(text)))
    if not found:
        return text
    places = [at for at, char in enumerate(text) for _ in folded(char)]
    """For each character of the folded text, which one of the text it comes from."""
    covered = {at for first, behind, _ in found for at in range(places[first], places[behind - 1] + 1)}
    return "".join(_mask(char, is_full=is_full) if at in covered else char for at, char in enumerate(text))


def _mask(char: str, *, is_full: bool) -> str:
    return MASK if is_full and len(char.encode(errors="replace")) < _WIDE else HIDDEN


def rules_from(words: WordsRead, *, shows_contacts: bool = False) -> Content:
    """Make the rules that a list asks for."""
    blocking = [word for word in words.words if word.action == "block"]
    masking = [word for word in words.words if word.action == "mask"]
    return Content(
        Finder(blocking) if blocking else None,
        Finder(masking) if masking else None,
        shows_contacts,
        words.complaints,
    )
