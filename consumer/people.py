"""Who is one person: user_ids that share a phone, and the phones that share a user_id.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from consumer.facts import Session


@dataclass(frozen=True, slots=True)
class Group:
    """One person's user_ids and external_userids."""

    user_ids: frozenset[str]
    external_userids: frozenset[str]

    @property
    def name(self) -> str:
        """What the ledger calls this person: stable, whichever of its user_ids was asked for."""
        return min(self.external_userids or self.user_ids)


@dataclass(slots=True)
class _Growing:
    """User_ids and phones that were found to be one person so far."""

    users: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)


def group(user_ids: Collection[str], own_people: Collection[str], sessions: Iterable[Session]) -> list[Group]:
    """Gather ``user_ids`` into people; without a session a user is a person alone, with no phone.

    ``own_people`` are user_ids that are external_userids themselves.
    """
    by_user: dict[str, _Growing] = {}
    by_phone: dict[str, _Growing] = {}
    links = [(session.user_id, session.recipient.external_userid) for session in sessions]
    links += [(user_id, user_id) for user_id in own_people]
    for user_id, external_userid in links:
        person = by_user.setdefault(user_id, _Growing())
        other = by_phone.setdefault(external_userid, person)
        person.users.add(user_id)
        person.phones.add(external_userid)
        if other is not person:
            other.users |= person.users
            other.phones |= person.phones
            by_user |= dict.fromkeys(person.users, other)
            by_phone |= dict.fromkeys(person.phones, other)
    wanted = [user_id for user_id in dict.fromkeys(user_ids) if user_id in by_user]
    people = {id(by_user[user_id]): by_user[user_id] for user_id in wanted}.values()
    alone = sorted(set(user_ids) - by_user.keys())
    return [
        *(Group(frozenset(person.users), frozenset(person.phones)) for person in people),
        *(Group(frozenset({user_id}), frozenset()) for user_id in alone),
    ]
