"""Contact details in texts: found and masked, so that a message does not give away whom to call.  Pure.

Mobile and landline numbers, ID-card numbers (those whose check digit is right), WeChat ids and QQ numbers
that are said to be such, and e-mail addresses.  Dates, amounts and order numbers are left alone: a number
counts only where it stands by itself, and not behind a word such as 订单号.  A masked text has as many
characters as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MASK: Final = "*"

_DIGITS: Final = re.compile(r"[0-9０-９][- 0-9０-９]{5}")
_LETTERS: Final = re.compile(r"[@＠微薇威VvQqWwｖｑｗ]")
"""Every contact detail has one of these; most explanations have none.  Apart, and each beginning with a set
of characters, because re looks for such ten times faster than for alternatives."""
_NAMED: Final = re.compile(r"[@＠微薇威]|[VvＶｖ][Xx信:：]|[Ww][XxEe]|[Qq][Qq]|[加+][Vv]")

_ORDER: Final = re.compile(
    r"(?:单号|单|编号|运单|流水号?|快递|工号|账单|[Oo]rder|[Nn][Oo]\.?)[号]?[:：#\s]*$"
)
"""What makes the number behind it the number of a thing."""

_GAP: Final = r"[- \u3000]?"
_BEFORE: Final = r"(?<![0-9０-９A-Za-z_#])(?<![0-9０-９][-.,，．])"
_BEHIND: Final = r"(?![0-9０-９A-Za-z_])(?![.．][0-9０-９])(?!-[0-9０-９])(?!\s?[元万亿%％])"
_D: Final = "[0-9０-９]"

_MOBILE: Final = re.compile(
    rf"{_BEFORE}(?P<keep>(?:(?i:tel|phone|mobile|wx|vx|v))?(?:[+＋]?[8８][6６]{_GAP})?)"
    rf"(?P<head>[1１][3-9３-９]{_D})(?P<middle>{_GAP}{_D}{{4}}{_GAP})(?P<tail>{_D}{{4}}){_BEHIND}"
)
_LANDLINE: Final = re.compile(
    rf"{_BEFORE}(?P<keep>)(?P<head>[0０]{_D}{{2,3}}|[4４][0０]{{2}})(?P<middle>[- ]{_D}{{3,4}}[- ]?)"
    rf"(?P<tail>{_D}{{4}}){_BEHIND}"
)
_ID_CARD: Final = re.compile(
    r"(?<![0-9A-Za-z])(?P<keep>)(?P<head>[1-9][0-9]{2})"
    r"(?P<middle>[0-9]{3}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9])"
    r"(?P<tail>[0-9][0-9][0-9Xx])(?![0-9A-Za-z])"
)
_WECHAT: Final = re.compile(
    r"(?P<keep>(?:微信|薇信|威信|(?<![A-Za-z0-9])(?:[vV]信|[wW]e[cC]hat|[wW]ei[xX]in|[vVwW][xX]|[加+][vV]))"
    r"\s{0,3}(?:(?:号码?|[iI][dD]|账号|帐号)\s{0,3}[:：=是为]?|[:：=是为])\s{0,3})"
    r"(?P<head>[A-Za-z][-_A-Za-z0-9])(?P<middle>[-_A-Za-z0-9]{3,17})(?P<tail>[-_A-Za-z0-9])(?![-_A-Za-z0-9.])"
)
_WXID: Final = re.compile(
    r"(?<![A-Za-z0-9])(?P<keep>wxid_)(?P<head>[A-Za-z0-9])(?P<middle>[A-Za-z0-9]{4,22})(?P<tail>[A-Za-z0-9])"
)
_QQ: Final = re.compile(
    r"(?P<keep>(?<![A-Za-z])[qQ][qQ]\s{0,3}(?:号码?)?\s{0,3}[:：=是为]?\s{0,3})"
    r"(?P<head>[1-9][0-9])(?P<middle>[0-9]{2,8})(?P<tail>[0-9])(?![0-9A-Za-z])"
)
_MAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?P<keep>)(?P<head>[A-Za-z0-9])(?P<middle>[A-Za-z0-9._%+-]{0,63})"
    r"(?P<tail>[@＠][A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)"
)

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"


def may_have_contacts(text: str) -> bool:
    """Whether a closer look is worth it; asked of every message, so it only glances."""
    if _DIGITS.search(text) is not None:
        return True
    return _LETTERS.search(text) is not None and _NAMED.search(text) is not None


def mask_contacts(text: str) -> str:
    """Hide the middle of every contact detail: 138****5678.

    What is masked stays readable to whom it belongs and useless to others; line ends stay where they are.
    """
    if not may_have_contacts(text):
        return text
    for pattern, is_one in _DETAILS:
        text = pattern.sub(_masked(is_one), text)
    return text


def _masked(is_one: Callable[[re.Match[str]], bool]) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        if not is_one(found):
            return found[0]
        hidden = re.sub(r"[^- ]", MASK, found["middle"]) if found["middle"] else ""
        return found["keep"] + found["head"] + hidden + found["tail"]

    return replaced


def _stands_alone(found: re.Match[str]) -> bool:
    """Whether no word before it says that the number is of a thing."""
    return _ORDER.search(found.string, max(found.start() - 12, 0), found.start()) is None


def _checks(found: re.Match[str]) -> bool:
    """Whether the last digit is the one that the others demand (GB 11643, ISO 7064 mod 11-2)."""
    number = found[0].upper()
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return _CHECKS[total % 11] == number[17]


def _always(_: re.Match[str]) -> bool:
    return True


_DETAILS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...]] = (
    (_MAIL, _always),
    (_ID_CARD, _checks),
    (_WECHAT, _always),
    (_WXID, _always),
    (_QQ, _always),
    (_MOBILE, _stands_alone),
    (_LANDLINE, _stands_alone),
)
