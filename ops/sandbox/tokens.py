"""The access tokens of one corp: issued for the right secret, good for a while, revocable at any time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ops.sandbox import errcodes

REMEMBERED: Final = 1000


@dataclass(frozen=True)
class Token:
    """One access_token and when it ends."""

    text: str = field(repr=False)
    expires_at: datetime


class TokenOffice:
    """Issues tokens and judges them.  `mint` makes the text of a new one."""

    def __init__(self, corpid: str, secret: str, mint: Callable[[], str]) -> None:
        self.corpid = corpid
        self.wrong_secrets = 0
        self.issued = 0
        self._secret = secret
        self._mint = mint
        self._current: Token | None = None
        self._ends: dict[str, datetime] = {}
        self._revoked: dict[str, int] = {}

    def issue(self, corpid: str, secret: str, now: datetime, seconds: int) -> Token | int:
        """The token that is valid now, a new one if there is none, or the errcode of a refusal."""
        if not corpid or not secret:
            return errcodes.CORPID_MISSING if not corpid else errcodes.SECRET_MISSING
        if corpid != self.corpid:
            return errcodes.WRONG_CORPID
        if secret != self._secret:
            self.wrong_secrets += 1
            return errcodes.WRONG_SECRET
        if self._current is None or self._current.expires_at <= now:
            self._current = self._new(now + timedelta(seconds=seconds))
        return self._current

    def _new(self, expires_at: datetime) -> Token:
        token = Token(self._mint(), expires_at)
        self.issued += 1
        self._ends[token.text] = expires_at
        for old in list(self._ends)[:-REMEMBERED]:
            self._revoked.pop(old, None)
            del self._ends[old]
        return token

    def judge(self, token: str, now: datetime) -> int:
        """OK, or what WeChat has against this token."""
        if not token:
            return errcodes.TOKEN_MISSING
        if token not in self._ends:
            return errcodes.UNKNOWN_TOKEN
        if token in self._revoked:
            return self._revoked[token]
        return errcodes.OK if now < self._ends[token] else errcodes.TOKEN_EXPIRED

    def revoke(self, errcode: int = errcodes.UNKNOWN_TOKEN) -> None:
        """End the current token early; calls that use it are answered with errcode."""
        if self._current is not None:
            self._revoked[self._current.text] = errcode
            self._current = None
