"""``python -m tests.faults.crashing <daemon> <step> <nth> <signal>``: a daemon that meets its fate at a step.

It starts what ``kfpush <daemon>`` starts, with the function at that step wrapped: at its nth passage the
process sends itself the signal (KILL: dead on the spot; STOP: frozen until somebody says CONT).
"""

import functools
import importlib
import inspect
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from schemas.database import Database, Transaction
from schemas.engines.postgres import PostgresSession
from schemas.engines.sqlite import SqliteSession
from schemas.engines.turns import OnLoop
from tests.faults.steps import BY_NUMBER, Moment, Step

_NOBODY = 0
_THE_LOOP_SOON = -1


class Transactions:
    """The transactions that are open, and which thread is at each.

    Nobody is at one that is being committed aside: it ends by itself.  One that was begun aside is the loop's
    as soon as that comes to it: it does not end before.
    """

    def __init__(self) -> None:
        self._at: dict[int, int] = {}
        self._begun_aside: set[int] = set()
        self._changed = threading.Condition()

    def began(self, session: object) -> None:
        """This thread is at it, or will hand it to the loop."""
        with self._changed:
            aside = id(session) in self._begun_aside
            self._at[id(session)] = _THE_LOOP_SOON if aside else threading.get_ident()

    def begins_aside(self, session: object) -> None:
        """Another thread begins it for this one."""
        self._begun_aside.add(id(session))

    def took_over(self, session: object) -> None:
        """This thread is at what another began for it, if that came to be."""
        with self._changed:
            self._begun_aside.discard(id(session))
            if id(session) in self._at:
                self._at[id(session)] = threading.get_ident()

    def left(self, session: object) -> None:
        """Another thread will end it by itself."""
        with self._changed:
            self._at[id(session)] = _NOBODY

    def ended(self, session: object) -> None:
        """It is over."""
        with self._changed:
            self._at.pop(id(session), None)
            self._changed.notify_all()

    @contextmanager
    def none_of_others(self) -> Iterator[bool]:
        """Wait for the end of all but those this thread is at; no other begins meanwhile.

        False if one would have to wait for this thread to go on.
        """
        mine = {threading.get_ident(), _THE_LOOP_SOON}
        with self._changed:
            self._changed.wait_for(lambda: mine.issuperset(self._at.values()))
            yield _THE_LOOP_SOON not in self._at.values()


class Fate:
    """Counts passages and strikes at the nth.

    Freezing stops every thread at once.  Unless the step itself lies in a transaction, none may be open then:
    a frozen process that happens to hold the database would only show that nobody else can write.
    """

    def __init__(self, nth: int, number: signal.Signals) -> None:
        self._left = nth
        self._number = number
        self.transactions = Transactions()
        self.marked = 0

    def mark(self) -> None:
        """A passage whose transaction has yet to be committed."""
        self.marked += 1

    def strike(self) -> None:
        """A passage; perhaps the last."""
        self._left -= 1
        if self._left == 0 and self._number is signal.SIGKILL:
            os.kill(os.getpid(), self._number)
        elif self._left == 0:
            with self.transactions.none_of_others() as may_stop:
                if not may_stop:
                    self._left = 1  # at the next passage
                    return
                # To this thread, which thereby stops before it lets go; the whole process stops with it.
                signal.pthread_kill(threading.get_ident(), self._number)


def arrange(step: Step, fate: Fate) -> None:
    """Wrap the function at the step."""
    module, _, path = step.place.partition(":")
    *owners, name = path.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, _wrapped(getattr(owner, name), step.moment, fate))
    if step.moment is Moment.COMMITTED:
        setattr(Database, "exclusive", _committing(Database.exclusive, fate))  # noqa: B010 - a method
    _follow(fate.transactions)


def _wrapped(original: Callable[..., Any], moment: Moment, fate: Fate) -> Callable[..., Any]:
    @functools.wraps(original)
    def before(*args: Any, **words: Any) -> Any:  # noqa: ANN401 - any function's
        if _has_work(args):
            fate.strike()
        return original(*args, **words)

    @functools.wraps(original)
    async def after_awaiting(*args: Any, **words: Any) -> Any:  # noqa: ANN401 - any function's
        result = await original(*args, **words)
        if _has_work(args):
            fate.strike()
        return result

    @functools.wraps(original)
    def after(*args: Any, **words: Any) -> Any:  # noqa: ANN401 - any function's
        result = original(*args, **words)
        if _has_work(args):
            (fate.mark if moment is Moment.COMMITTED else fate.strike)()
        return result

    if moment is Moment.BEFORE:
        return before
    return after_awaiting if inspect.iscoroutinefunction(original) else after


def _has_work(args: Sequence[object]) -> bool:
    return not any(isinstance(arg, list | tuple) and not arg for arg in args)


def _committing(original: Callable[..., Awaitable[Any]], fate: Fate) -> Callable[..., Awaitable[Any]]:
    async def exclusive(database: Database, work: Callable[[Transaction], Any]) -> Any:  # noqa: ANN401
        passed = False

        def watched(tx: Transaction) -> Any:  # noqa: ANN401 - whatever the work answers
            nonlocal passed
            marked = fate.marked
            result = work(tx)
            passed = fate.marked > marked
            return result

        result = await original(database, watched)
        if passed:
            fate.strike()
        return result

    return exclusive


def _follow(transactions: Transactions) -> None:
    """Learn of every transaction that begins and ends, whichever the engine and the thread."""
    for kind in (SqliteSession, PostgresSession):
        for name in ("begin_exclusive_at_once", "begin_exclusive", "begin_read"):
            if hasattr(kind, name):
                setattr(kind, name, _beginning(getattr(kind, name), transactions))
        for name in ("commit", "rollback"):
            setattr(kind, name, _ending(getattr(kind, name), transactions))
    setattr(OnLoop, "_leave", _leaving(OnLoop._leave, transactions))  # noqa: B010, SLF001 - the only place


def _beginning(original: Callable[[Any], Any], transactions: Transactions) -> Callable[[Any], Any]:
    def begin(session: object) -> Any:  # noqa: ANN401 - whatever the original answers
        answer = original(session)
        if answer is not False:
            transactions.began(session)
        return answer

    return begin


def _ending(original: Callable[[Any], None], transactions: Transactions) -> Callable[[Any], None]:
    def end(session: object) -> None:
        original(session)
        transactions.ended(session)

    return end


def _leaving(
    original: Callable[..., Awaitable[Any]], transactions: Transactions
) -> Callable[..., Awaitable[Any]]:
    async def leave(self: OnLoop, wait: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401
        session = getattr(wait, "__self__", None)
        if not isinstance(session, SqliteSession):
            return await original(self, wait, *args)
        begins = not session.raw.in_transaction
        (transactions.begins_aside if begins else transactions.left)(session)
        try:
            return await original(self, wait, *args)
        finally:
            if begins:
                transactions.took_over(session)

    return leave


def main(daemon: str, step: str, nth: str, name: str) -> None:
    """Run the daemon until its fate."""
    arrange(BY_NUMBER[int(step)], Fate(int(nth), signal.Signals[f"SIG{name}"]))
    from ops.cli import main as kfpush

    sys.argv = ["kfpush", daemon]
    kfpush()


if __name__ == "__main__":
    main(*sys.argv[1:])
