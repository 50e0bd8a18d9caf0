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
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from schemas.database import Database, Transaction
from tests.faults.steps import BY_NUMBER, Moment, Step


class Fate:
    """Counts passages and strikes at the nth.

    Freezing stops every thread at once.  Unless the step itself lies in a transaction, none may be open then:
    a frozen process that happens to hold the database would only show that nobody else can write.
    """

    def __init__(self, nth: int, number: signal.Signals) -> None:
        self._left = nth
        self._number = number
        self.transacting = threading.RLock()
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
            with self.transacting:
                # To this thread, which thereby stops before it lets go; the whole process stops with it.
                signal.pthread_kill(threading.get_ident(), self._number)


def arrange(step: Step, fate: Fate) -> None:
    """Wrap the function at the step."""
    module, _, path = step.place.partition(":")
    *owners, name = path.split(".")
    owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, name, _wrapped(getattr(owner, name), step, fate))
    if step.moment is Moment.COMMITTED:
        setattr(Database, "exclusive", _committing(Database.exclusive, fate))  # noqa: B010 - a method
    setattr(Database, "_transact", _one_at_a_time(Database._transact, fate))  # noqa: B010, SLF001 - the only place


def _wrapped(original: Callable[..., Any], step: Step, fate: Fate) -> Callable[..., Any]:
    moment = step.moment

    @functools.wraps(original)
    def before(*args: Any, **words: Any) -> Any:  # noqa: ANN401 - any function's
        if _counts(step, args):
            fate.strike()
        return original(*args, **words)

    @functools.wraps(original)
    async def after_awaiting(*args: Any, **words: Any) -> Any:  # noqa: ANN401 - any function's
        result = await original(*args, **words)
        if _counts(step, args):
            fate.strike()
        return result

    @functools.wraps(original)
    def after(*args: Any, **words: Any) -> Any:  # noqa: ANN401 - any function's
        result = original(*args, **words)
        if _counts(step, args):
            (fate.mark if moment is Moment.COMMITTED else fate.strike)()
        return result

    if moment is Moment.BEFORE:
        return before
    return after_awaiting if inspect.iscoroutinefunction(original) else after


def _counts(step: Step, args: Sequence[object]) -> bool:
    has_work = not any(isinstance(arg, list | tuple) and not arg for arg in args)
    return has_work and step.about in {None, *(arg for arg in args if isinstance(arg, str))}


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


def _one_at_a_time(original: Callable[..., Any], fate: Fate) -> Callable[..., Any]:
    def transact(*args: Any) -> Any:  # noqa: ANN401 - whatever the work answers
        with fate.transacting:
            return original(*args)

    return transact


def main(daemon: str, step: str, nth: str, name: str) -> None:
    """Run the daemon until its fate."""
    arrange(BY_NUMBER[int(step)], Fate(int(nth), signal.Signals[f"SIG{name}"]))
    from ops.cli import main as kfpush

    sys.argv = ["kfpush", daemon]
    kfpush()


if __name__ == "__main__":
    main(*sys.argv[1:])
