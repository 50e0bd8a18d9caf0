"""Which of an experiment's variants a user belongs to: by hash alone, the same for ever.  Pure.

Every variant draws a number for the user and the highest one wins (weighted rendezvous hashing), so that
whoever has to move because a weight changed moves to or from that variant: nobody moves between two others.
Whether a user is held out is a draw of its own: a larger share holds out more people, and moves nobody else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_HELD_OUT: Final = ""
"""The name of the draw that holds out; no variant has it."""

_RANGE: Final = 2**52
"""So many numbers, and the halves between them, a float holds exactly."""


@dataclass(frozen=True, slots=True)
class Share:
    """A variant by name, and its weight beside the others'."""

    variant: str
    weight: float


def draw(salt: str, name: str, user_id: str) -> float:
    """Draw a number, evenly between 0 and 1 and neither of them, for a user and one name of an experiment."""
    text = f"{salt}\x1f{name}\x1f{user_id}"
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) % _RANGE + 0.5) / _RANGE


def is_held_out(salt: str, user_id: str, share: float) -> bool:
    """Whether a user is among the ``share`` (0 to below 1) who are sent nothing."""
    return share > 0 and draw(salt, _HELD_OUT, user_id) < share


def variant_of(salt: str, user_id: str, shares: Sequence[Share]) -> str:
    """Tell a user's variant; each has its weight's share of all users."""
    return max(shares, key=lambda each: _mark(salt, user_id, each)).variant


def _mark(salt: str, user_id: str, share: Share) -> float:
    """A mark that is the highest with the chance of its weight: the logarithm is below zero."""
    return share.weight / -math.log(draw(salt, share.variant, user_id))
