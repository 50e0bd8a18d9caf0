"""The questions about WeChat that no document answers, each a switch.  A new question is a new field."""

import dataclasses
from collections.abc import Mapping
from typing import Literal, get_args, get_origin, get_type_hints


@dataclasses.dataclass(frozen=True)
class Switches:
    """How this sandbox answers each open question."""

    check_order: Literal["msgid_first", "limits_first"] = "msgid_first"
    """Whether a repeated msgid is noticed before or after the window's limits."""

    refused_burns_msgid: bool = False
    """Whether a msgid is used up by a call that was refused."""

    msgid_scope: Literal["account", "corp"] = "account"
    """Where a msgid must be unique: within its KF account, or in the whole corp."""

    msgid_seconds: int = 30 * 24 * 3600
    """How long a msgid is remembered.  Below 72 hours, kfpush's longest retry, no sender could be safe."""

    failed_calls_count: bool = False
    """Whether a refused call takes one of the five messages."""

    menu_click_resets: bool = False
    """Whether a click on a menu opens the window anew, as a word of the user's own does."""

    on_event_counts: bool = False
    """Whether a message sent with a reply code takes one of the five."""

    spent_code: int = 40058
    """The answer to a reply code that was used, is over, or never was."""

    refused_kind: Literal[
        "none",
        "image",
        "voice",
        "video",
        "file",
        "link",
        "miniprogram",
        "msgmenu",
        "location",
        "business_card",
        "ca_link",
    ] = "none"
    """A kind of message that is refused whoever gets it, as if it were forbidden or not configured."""

    menu_items: Literal[10, 50] = 10
    """How many items a menu may have."""

    long_text: Literal["refuse", "cut"] = "refuse"
    """What happens to a text of more than 2048 bytes."""

    stale_code: Literal[95002, 95018, 95031] = 95002
    """The code for a user whose last word is 48 hours old."""

    ended_code: Literal[95013, 95018] = 95018
    """The code for a session that was ended."""

    limits_told: Literal["at_once", "later"] = "at_once"
    """Whether a closed window or a sixth message is an errcode, or errcode 0 and a msg_send_fail later."""

    send_fails: Literal["off", 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] = "off"
    """A fail_type with which every message fails after it was taken; off: none does."""

    late_failures_count: bool = False
    """Whether a message that failed afterwards keeps its place among the five."""

    event_msgids: bool = True
    """Whether the events of sync_msg have a msgid at their top."""

    empty_pages: bool = False
    """Whether sync_msg gives an empty page with has_more=1 before each page that is not."""

    page_items: int = 1000
    """How many items a page has at most, whatever the limit that was asked for."""

    tokenless_per_minute: int = 60
    """How often a minute sync_msg may be called without a token; the real figure is unpublished."""

    callbacks: Literal["delivered", "doubled", "lost"] = "delivered"
    """What becomes of a notification: it comes, it comes twice, or it never leaves."""

    callback_timeout_ms: int = 5000
    """How long the callback may take to answer before WeChat hangs up."""

    callback_retries: int = 3
    """How often a notification that was not answered with HTTP 200 is sent again; then it is gone."""

    callback_retry_ms: int = 5000
    """How long WeChat waits before it sends again."""

    token_seconds: int = 7200
    """How long a new access_token lives."""

    calls_per_minute: int = 10_000
    """How many calls of one API a corp may make in a minute; one more and it is blocked for a minute."""

    calls_per_hour: int = 150_000
    """The same for an hour."""


def choices() -> dict[str, list[str | int | bool]]:
    """Every switch with the values it takes; an empty list means any positive number."""
    hints = get_type_hints(Switches)
    return {field.name: _values(hints[field.name]) for field in dataclasses.fields(Switches)}


def _values(hint: object) -> list[str | int | bool]:
    if hint is bool:
        return [False, True]
    return list(get_args(hint)) if get_origin(hint) is Literal else []


def changed(switches: Switches, wishes: Mapping[str, object]) -> Switches:
    """The switches after some were turned.  A wish may be text, as a command line gives it."""
    known = choices()
    unknown = sorted(set(wishes) - set(known))
    if unknown:
        raise ValueError(f"no such switch: {', '.join(unknown)}; there are: {', '.join(known)}")
    turned = {name: _value(name, wish, known[name]) for name, wish in wishes.items()}
    return Switches(**{**dataclasses.asdict(switches), **turned})


def _value(name: str, wish: object, values: list[str | int | bool]) -> str | int | bool:
    said = str(wish).lower()
    for value in values:
        if str(value).lower() == said:
            return value
    if not values and said.isdecimal() and int(said) > 0:
        return int(said)
    raise ValueError(f"{name} cannot be {wish!r}; it can be {values or 'a positive whole number'}")
