"""WeChat's session states, who may move a session where, and the reply codes that are given on the way.

Pure: the time is an argument.  Only the states' names and rules are here; the sessions are ``rules``'.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

NEW, ASSISTANT, POOL, SERVICER, ENDED = range(5)

_NEXT: Final[dict[int, frozenset[int]]] = {
    NEW: frozenset({ASSISTANT, POOL, SERVICER, ENDED}),
    ASSISTANT: frozenset({ASSISTANT, POOL, SERVICER, ENDED}),
    POOL: frozenset({POOL, SERVICER, ENDED}),
    SERVICER: frozenset({SERVICER, ENDED}),
    ENDED: frozenset(),
}


def may_become(state: int, wanted: int) -> bool:
    """Whether the API may move a session so; only the user revives one that has ended."""
    return wanted in _NEXT[state]


TEXT: Final = frozenset({"text"})
MENU_TOO: Final = frozenset({"text", "msgmenu"})


class Scene(Enum):
    """What a reply code is for: how long it lives, what may be sent with it, whether the state must last."""

    WELCOME = (timedelta(seconds=20), MENU_TOO, False)
    HANDED_ON = (timedelta(hours=48), TEXT, True)
    OVER = (timedelta(seconds=20), MENU_TOO, True)

    def __init__(self, life: timedelta, msgtypes: frozenset[str], needs_state: bool) -> None:  # noqa: FBT001 - a column
        self.life = life
        self.msgtypes = msgtypes
        self.needs_state = needs_state


SCENES: Final = {POOL: Scene.HANDED_ON, SERVICER: Scene.HANDED_ON, ENDED: Scene.OVER}
"""What the code is for that the first move to a state gives."""


@dataclass(frozen=True)
class ReplyCode:
    """The right to send one message, whatever the five say."""

    code: str
    scene: Scene
    open_kfid: str
    external_userid: str
    state: int
    until: datetime


class CodeOffice:
    """Gives out reply codes and takes them back, once each.  ``mint`` makes the text of a new one."""

    def __init__(self, mint: Callable[[], str]) -> None:
        self._mint = mint
        self._codes: dict[str, ReplyCode] = {}

    def give(self, scene: Scene, open_kfid: str, external_userid: str, state: int, now: datetime) -> str:
        """Make a code for one message to this user."""
        made = ReplyCode(self._mint(), scene, open_kfid, external_userid, state, now + scene.life)
        self._codes[made.code] = made
        return made.code

    def look(self, code: object, now: datetime) -> ReplyCode | None:
        """The right that a code gives now, if any."""
        found = self._codes.get(code) if isinstance(code, str) else None
        return found if found is not None and now < found.until else None

    def spend(self, code: str) -> None:
        """Used once is used up."""
        del self._codes[code]
