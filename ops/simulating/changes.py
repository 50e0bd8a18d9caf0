"""What is asked "what if" of: other settings, other preferences of users.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from consumer.templates import Template
from ops.simulating.past import Past, PastUser
from ops.simulating.story import Story, Terms, Wishes
from schemas import host_values
from schemas.preferences import Preferences, Unreadable, read_preferences

Columns = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be other than it is; without any, how it is.

    ``terms`` and ``user_zone`` are the operator's settings.  ``host`` and ``own`` are columns of
    ``user_push_preferences`` and ``push_settings`` as they would stand in every user's row; with
    ``only_unset`` only where the user chose nothing.
    """

    terms: Terms
    user_zone: str
    host: Columns = field(default_factory=dict)
    own: Columns = field(default_factory=dict)
    only_unset: bool = False
    template: Template | None = None
    """What words a single match; None where nobody asks how long texts come out."""

    def story_of(self, past: Past) -> Story:
        """What would have happened to a person, whatever was sent to them."""
        return replace(
            past.story,
            users={user_id: self._wishes(user) for user_id, user in past.users.items()},
        )

    def _wishes(self, user: PastUser) -> Wishes:
        return Wishes(self.preferences(user.host, user.own), user.phones, user.intents, user.stopped_at)

    def preferences(self, host_row: Columns | None, own_row: Columns | None) -> Preferences | Unreadable:
        """Read a user's rows as they would be."""
        return read_preferences(
            self._other(host_row, self.host), self._other(own_row, self.own), self.user_zone
        )

    def _other(self, row: Columns | None, columns: Columns) -> Columns | None:
        if not columns:
            return row
        known = dict(row or {})
        if self.only_unset:
            columns = {name: text for name, text in columns.items() if host_values.is_unset(known.get(name))}
        return {**known, **columns}
