"""What one attempt to send can end in: WeChat's answer, or the lack of one.

    Receipt  Accepted(repeated) | Refused(code, kind) | Unknown(cause) | NotSent(cause)

A receipt says what is *known*.  A transport error of any kind is Unknown, never "not delivered".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RefusalKind(StrEnum):
    """What a refusal judges, and so what may follow from it."""

    WINDOW = "window"
    """The moment: outside the 48 hours, or no message left.  Only the user's next word helps."""
    THROTTLED = "throttled"
    """The moment: too fast.  Waiting helps."""
    CORP_CONFIG = "corp_config"
    """The corp's configuration (secret, IP whitelist, permission).  A person has to act."""
    ACCOUNT_CONFIG = "account_config"
    """One KF account's configuration.  A person has to act."""
    CONTENT = "content"
    """These bytes, which never change."""
    KIND = "kind"
    """This kind of message, here and now: a dead file, a mini program not linked, a second card.

    The same as plain text may go.
    """
    RECIPIENT = "recipient"
    """This recipient, which never changes."""
    UNCLASSIFIED = "unclassified"
    """A code that is not in the table."""

    @property
    def judges_the_moment(self) -> bool:
        """Whether another attempt of the same bytes might have been answered otherwise."""
        return self not in {RefusalKind.CONTENT, RefusalKind.RECIPIENT}


class NotSentCause(StrEnum):
    """Why the bytes never left this process."""

    LATE = "late"
    """send_by or the lease was over before the bytes could leave."""
    NO_TOKEN = "no_token"  # noqa: S105 - a cause, not a password
    """WeChat gave no access token: an outage or a wrong secret."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """errcode 0, or 95033 (``repeated``): WeChat has this msgid.  Not a proof of delivery."""

    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """WeChat answered with an error code."""

    code: int
    kind: RefusalKind


@dataclass(frozen=True, slots=True)
class Unknown:
    """No usable answer: the message may or may not have been accepted."""

    cause: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The bytes never left; certain."""

    cause: NotSentCause
    code: int | None = None
    """WeChat's errcode for the token request, when it gave one."""


Receipt = Accepted | Refused | Unknown | NotSent
