"""The digest: one message for many matches, as a person likes to receive it.  Pure.

A head, then each match with the number that 查看N answers, a short reason below it where there is room, and
at the end how to ask.  It is cut fairly: what is short leaves its room to what is long, and what is cut ends
in "…".  The numbers and the end are never cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from consumer.book import Wording
from consumer.cut import TEXT_BYTES, cut_to_bytes
from consumer.templates import HEAD_FIELDS, Template, compile_template

Values = Mapping[str, str]
"""What ``templates.match_values`` makes of a match; its ``n`` is its place in the message."""

NAME: Final = "digest"
"""What the ledger calls the built-in digest where a letter names its template."""

HEAD: Final = "🎯 为您找到 {count} 位匹配的联系人"
HEAD_OF_ONE_INTENT: Final = "🎯 {intent_name}\n为您找到 {count} 位匹配的联系人"
HOW_TO_VIEW: Final = "回复「查看1」到「查看{count}」了解详情"
HOW_TO_VIEW_ONE: Final = "回复「查看1」了解详情"
THERE_IS_MORE: Final = "还有 {} 个，回复「更多」"

HEAD_BYTES: Final = 360
"""So much of the message may be head, whatever an operator writes: the matches are what it is about."""

TITLE_BYTES: Final = 150
"""So much may be number, name, intent and score: 50 characters, before the reasons get their room."""

LEAST_REASON: Final = 60
"""A reason cut to less than twenty characters says little: it is left out, and 查看N tells it whole."""

LEAST_TITLE: Final = 40
"""Where titles have less than this, an intent would be a few characters cut off: none is named then."""

_TITLE: Final = "{n}. {profile_name} · {score}%"
_TITLE_WITH_INTENT: Final = "{n}. {profile_name} · {score}% · {intent_name}"
_PARAGRAPH: Final = "\n\n"


def digest_text(values: Sequence[Values], wording: Wording | None = None, *, more: int = 0) -> str:
    """Write the message that carries these matches, at most ``TEXT_BYTES`` of it, and says how many ``more``.

    ``wording`` is the operator's digest, of which the title is the head and the content one match; None: the
    built-in one, which also stands in where the operator's has no room for every number.
    """
    head = head_of(values, wording.title if wording else None)
    return with_items(head, values, closing(len(values), more), wording.template if wording else None)


def with_items(
    head: str,
    values: Sequence[Values],
    end: str,
    line: Template | None = None,
    *,
    names_intents: bool = False,
) -> str:
    """Put matches between a head of at most ``HEAD_BYTES`` and a short end, each as ``line`` words it.

    ``names_intents`` says that the head does not name the intent that all share: each match does.
    """
    room = TEXT_BYTES - sum(len(text.encode()) for text in (head, end, _PARAGRAPH, _PARAGRAPH))
    items = _worded(values, line, room) if line is not None else None
    if items is None:
        items = _built_in(values, room, names_intents=names_intents or not shared_intent(values))
    return _PARAGRAPH.join(part for part in (head, items, end) if part)


def head_of(values: Sequence[Values], title: Template | None = None) -> str:
    """Write the head: how many there are, and the intent if all share one."""
    known = {"count": str(len(values)), "intent_name": shared_intent(values)}
    if title is not None:
        text = title.render_within(known, HEAD_BYTES).strip()
        if text:
            return text
    return _compiled(HEAD_OF_ONE_INTENT if known["intent_name"] else HEAD).render_within(known, HEAD_BYTES)


def shared_intent(values: Sequence[Values]) -> str:
    """The intent that all these matches are of; empty if they are of several, or nobody named it."""
    names = {value["intent_name"] for value in values}
    return names.pop() if len(names) == 1 else ""


def closing(count: int, more: int) -> str:
    """Say how to ask for the details of so many matches, and for what waits besides."""
    view = (HOW_TO_VIEW if count > 1 else HOW_TO_VIEW_ONE).format(count=count)
    return "\n".join([view, THERE_IS_MORE.format(more)] if more else [view])


def fair(sizes: Sequence[int], room: int) -> list[int]:
    """Share so many bytes: nobody gets more than they ask for, and what they leave the others share alike."""
    given = [0] * len(sizes)
    by_size = sorted(range(len(sizes)), key=lambda place: sizes[place])
    for left, place in zip(range(len(sizes), 0, -1), by_size, strict=True):
        given[place] = max(0, min(sizes[place], room // left))
        room -= given[place]
    return given


def fitted(write: Sequence[Callable[[int], str]], room: int) -> list[str]:
    """Have texts written into so many bytes together; each writer is told how many bytes it has at most."""
    texts = [each(TEXT_BYTES) for each in write]
    shares = fair([len(text.encode()) for text in texts], room)
    return [
        text if len(text.encode()) <= share else each(share)
        for each, text, share in zip(write, texts, shares, strict=True)
    ]


def _worded(values: Sequence[Values], line: Template, room: int) -> str | None:
    """Write matches as the operator words them; None where one would be blank, or lose its number."""
    numbered = "n" in line.fields
    whole = [line.render(value) for value in values]
    if not all(text.strip() for text in whole):
        return None
    between = _PARAGRAPH if any("\n" in text for text in whole) else "\n"
    room -= len(between) * (len(values) - 1)
    # With every value this short nothing has to be cut, so neither is the number.
    least = line.render(dict.fromkeys(line.fields, "000")) if numbered else ""
    if len(least.encode()) > room // len(values):
        return None

    def writer(value: Values) -> Callable[[int], str]:
        if numbered:
            return lambda limit: line.render_within(value, limit)
        number = f"{value['n']}. "
        return lambda limit: number + line.render_within(value, limit - len(number))

    return between.join(fitted([writer(value) for value in values], room))


def _built_in(values: Sequence[Values], room: int, *, names_intents: bool) -> str:
    """Write numbers, names and scores first, then into what is left the reasons."""
    room -= len(_PARAGRAPH) * (len(values) - 1)
    has_room = room // len(values) >= LEAST_TITLE
    title = _compiled(_TITLE_WITH_INTENT if names_intents and has_room else _TITLE)
    plain = _compiled(_TITLE)
    titles = fitted([_title(title if value["intent_name"] else plain, value) for value in values], room)
    room -= sum(len(text.encode()) + 1 for text in titles)
    reasons = [_reason(value) for value in values]
    shares = fair([len(reason.encode()) for reason in reasons], room)
    items = [_with_reason(*item) for item in zip(titles, reasons, shares, strict=True)]
    return (_PARAGRAPH if any("\n" in item for item in items) else "\n").join(items)


def _title(title: Template, value: Values) -> Callable[[int], str]:
    return lambda limit: title.render_within(value, min(limit, TITLE_BYTES))


def _with_reason(title: str, reason: str, share: int) -> str:
    is_too_short = share < min(len(reason.encode()), LEAST_REASON)
    return title if is_too_short or not reason else f"{title}\n{cut_to_bytes(reason, share)}"


def _reason(value: Values) -> str:
    """Why it is a match, in one line: in words, else by its conditions."""
    return " ".join((value["explanation"] or value["matched_conditions"]).split())


@lru_cache(maxsize=16)
def _compiled(text: str) -> Template:
    fields = HEAD_FIELDS if "{count}" in text else ("n", "profile_name", "intent_name", "score")
    return compile_template(text, fields)
