"""Reads what a person or a test ordered, field by field; a ValueError says what is wrong, in words."""

import math
from collections.abc import Iterable, Mapping

from ops.sandbox import letter

Order = Mapping[str, object]


def refuse_unknown(order: Order, known: Iterable[str]) -> None:
    """A misspelt field must not pass for one that was left out."""
    known = list(known)
    unknown = sorted(set(order) - set(known))
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")


def text(order: Order, name: str) -> str | None:
    """A piece of text, None if it is not there."""
    value = order.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text")
    return value


def named(order: Order, name: str) -> str:
    """What names a user, an account or a message; it must be there."""
    value = text(order, name)
    if value is None or not letter.is_name(value):
        raise ValueError(f"{name} must be text of 1 to {letter.ID_BYTES} bytes")
    return value


def flag(order: Order, name: str) -> bool:
    """Yes or no; yes if it is not there."""
    value = order.get(name, True)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")  # noqa: TRY004 - every bad order is a ValueError
    return value


def choice(order: Order, name: str, choices: Iterable[str]) -> str | None:
    """One of a few words, None if it is not there."""
    value = text(order, name)
    if value is not None and value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}")
    return value


def number(order: Order, name: str) -> float | None:
    """Any finite number, None if it is not there.  An address carries numbers as text."""
    value = order.get(name)
    if value is None:
        return None
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        found = None
    if found is None or not math.isfinite(found):
        raise ValueError(f"{name} must be a number")
    return found


def seconds(order: Order, name: str, default: float = 0.0) -> float:
    """A length of time that is not negative."""
    value = number(order, name)
    if value is not None and value < 0:
        raise ValueError(f"{name} must not be negative")
    return default if value is None else value


def whole(order: Order, name: str, least: int | None = None) -> int | None:
    """A whole number, None if it is not there."""
    value = number(order, name)
    if value is None:
        return None
    if not value.is_integer() or (least is not None and value < least):
        raise ValueError(f"{name} must be a whole number{'' if least is None else f' of at least {least}'}")
    return int(value)
