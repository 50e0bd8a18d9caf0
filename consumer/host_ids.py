"""Ids as the host has them, of the texts that kfpush has.  Pure."""

from __future__ import annotations

from typing import Final

_LARGEST_INTEGER: Final = 2**63 - 1


def host_id(match_id: str) -> int | str:
    """Write an id as the host has it: its ids are integers, unless they never were.

    What no integer column can hold, such as an order number of 22 digits, is a text of the host's.
    """
    if not (match_id.isascii() and match_id.isdigit()):
        return match_id
    number = int(match_id)
    return number if number <= _LARGEST_INTEGER and str(number) == match_id else match_id
