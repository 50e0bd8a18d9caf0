"""PostgreSQL's errors in our words.

Its own text is shown only where it can name nothing but tables, columns and functions: elsewhere it quotes
values, and they are personal data.  Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from typing import Final

import psycopg

from schemas.errors import DatabaseBusy, DatabaseFull, StorageError, ValueRefused

_BUSY: Final = frozenset({"55P03", "40P01", "40001"})
_FULL: Final = frozenset({"53100", "53200"})
_REFUSED_CLASSES: Final = ("22", "23")
"""A value that its type or a constraint does not take."""

_NAMES_CLASS: Final = "42"
"""Names and syntax: the text quotes the statement, and ours hold no values."""

_GONE: Final = ("08", "57P")
_ADVICE: Final = {
    "0A000": "a table was changed meanwhile; kfpush tries again by itself",  # under a prepared SELECT *
    "25006": "it takes no writes now: check that this is no standby and not opened read-only (permissions)",
    "42501": "the role lacks permissions; see ops/docs/databases.md for what it needs",
    "42P01": "run `kfpush migrate` if a table or column is missing",
    "42703": "run `kfpush migrate` if a table or column is missing",
    "53300": "the server has no connection left; raise max_connections or end some",
    "57014": "a statement was cancelled, by a person or by the server's statement_timeout",
}

_CONNECTING: Final = (
    (
        "does not exist",
        "the database or the role does not exist there; create it (createdb), then `kfpush migrate`",
    ),
    ("authentication", "the server does not take this user and password"),
    ("no password supplied", "the server asks for a password and the URL has none"),
    ("pg_hba.conf", "the server's pg_hba.conf does not let this user in from here"),
    ("connection slots", "the server has no connection left; raise max_connections or end some"),
    ("too many", "the server has no connection left; raise max_connections or end some"),
    ("starting up", "the server is starting; kfpush tries again by itself"),
    ("shutting down", "the server is stopping; kfpush tries again by itself"),
    ("recovery", "the server is recovering; kfpush tries again by itself"),
    ("refused", "nobody listens there; start the server, or check host and port"),
    ("No such file", "nobody listens there; start the server, or check host and port"),
    ("translate host name", "the host name is not known here; check it, and the name server"),
    ("timeout", "no answer came in time; check host, port and firewall"),
    ("SSL", "server and URL do not agree on encryption; check sslmode"),
    ("certificate", "the server's certificate is not trusted; check sslmode and sslrootcert"),
    ("invalid", "a part of the URL is not understood; check what stands behind the question mark"),
)
"""What libpq says when it cannot connect, in English, and what helps; no code comes with it."""


def explained(error: Exception, name: str) -> StorageError:
    """Turn an error on an open connection into one of ours that says what to do."""
    code = getattr(error, "sqlstate", None) or ""
    kind = type(error).__name__
    if code in _BUSY:
        return DatabaseBusy(
            f"{name}: another transaction holds a lock ({kind});"
            " find it in pg_stat_activity and end it (kfpush tries again by itself)"
        )
    if code in _FULL:
        return DatabaseFull(
            f"{name}: the server has no room left ({kind}); free some, kfpush goes on by itself"
        )
    if code.startswith(_REFUSED_CLASSES) or isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return ValueRefused(f"{name}: {kind}{_where(error)}")
    if not code or (code.startswith(_GONE) and code not in _ADVICE):
        return StorageError(f"{name}: the connection to the server was lost ({kind}); kfpush connects again")
    words = f"{_first_line(error)}; " if code.startswith(_NAMES_CLASS) else ""
    advice = _ADVICE.get(code, "see the server's log")
    return StorageError(f"{name}: {words}{kind} ({code}); {advice}")


def not_connected(error: Exception, name: str, place: str) -> StorageError:
    """Say why no connection came to be; libpq's own text names the user, and is not shown."""
    text = str(error)
    advice = next((advice for words, advice in _CONNECTING if words in text), "see the server's log")
    return StorageError(f"{name}: cannot connect to {place}: {advice}")


def _where(error: Exception) -> str:
    """Name the constraint, or the table and column, that refused."""
    found = getattr(error, "diag", None)
    names = (found.table_name, found.column_name, found.constraint_name) if found is not None else ()
    listed = ", ".join(name for name in names if name)
    return f" ({listed})" if listed else ""


def _first_line(error: Exception) -> str:
    found = getattr(error, "diag", None)
    return (found.message_primary or "") if found is not None else ""
