"""Every error kfpush raises on purpose.

    KfpushError                  base; ``str(error)`` says what happened and what to do
    +- ConfigurationError        a setting is wrong, missing, or contradicts another (exit code 2)
    +- InvalidEvent              a match that cannot be accepted or decoded (exit code 3)
    |  +- NewerEventVersion      a well-formed event from a newer kfpush: kept, not rejected
    +- NoTransaction             ``Outbox.add`` was called with no open transaction to join
    +- StorageError              the database did not do what was asked
    |  +- DatabaseBusy           locked by someone else for longer than the busy timeout
    |  +- DatabaseFull           no room left on the disk
    |  +- ValueRefused           a constraint or a column's type does not take a value
    |  +- SchemaTooNew           the database was migrated by a newer kfpush
    |  +- SchemaTooOld           the database has not been migrated yet
    +- RedisUnavailable          Redis cannot be reached or refuses to serve
    +- TemplateError             a template names an unknown field or uses a forbidden form
    +- UnreadablePreference      a quiet-hours or time-zone text that cannot be understood
    +- TokenUnavailable          WeChat would not give an access token
    +- ServerUnavailable         a server that kfpush starts itself (Valkey, sandbox) did not come up

Expected endings (a refusal by WeChat, a deferral) are values, not errors: see ``decisions`` and
``receipts``.  No message of these classes may carry a secret or personal data.
"""

from __future__ import annotations


class KfpushError(Exception):
    """Base of all errors raised on purpose; the text tells the operator what to do."""


class ConfigurationError(KfpushError):
    """A setting is wrong, missing, or contradicts another."""


class InvalidEvent(KfpushError):
    """An event that cannot be accepted or decoded."""


class NewerEventVersion(InvalidEvent):
    """A well-formed event whose version this kfpush does not know yet."""


class NoTransaction(KfpushError):
    """There is no open transaction for the outbox row to join."""

    def __init__(self) -> None:
        """Say what to do: the caller has to open a transaction first."""
        super().__init__(
            "Outbox.add joins the transaction that stores the match, and this connection has none open. "
            "Execute BEGIN (or write the match first, on the same connection) and call add before COMMIT.",
        )


class StorageError(KfpushError):
    """The database did not do what was asked."""


class DatabaseBusy(StorageError):
    """The database stayed locked for longer than the busy timeout."""


class DatabaseFull(StorageError):
    """There is no room left for the database to grow."""


class ValueRefused(StorageError):
    """A constraint or a column's type does not take a value: the data's fault, not the database's."""


class SchemaTooNew(StorageError):
    """The database was migrated by a newer kfpush than this one."""


class SchemaTooOld(StorageError):
    """The database has not been migrated for this kfpush."""


class RedisUnavailable(KfpushError):
    """Redis cannot be reached or refuses to serve."""


class TemplateError(KfpushError):
    """A template names an unknown field or uses a form that is not allowed."""


class UnreadablePreference(KfpushError):
    """A preference text that cannot be understood; the gate it feeds fails closed."""


class TokenUnavailable(KfpushError):
    """WeChat would not give an access token; ``errcode`` is its own word, None for no answer."""

    def __init__(self, message: str, errcode: int | None = None) -> None:
        """Keep WeChat's code, never the URL or the secret."""
        super().__init__(message)
        self.errcode = errcode


class ServerUnavailable(KfpushError):
    """A server that kfpush starts itself did not come up."""
