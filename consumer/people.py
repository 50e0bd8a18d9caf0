"""Who is one person: user_ids that share a phone, and the phones that share a user_id.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

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


def group(user_ids: Collection[str], own_people: Collection[str], sessions: Iterable[Session]) -> list[Group]:
    """Gather ``user_ids`` into people; without a session a user is a person alone, with no phone.

    ``own_people`` are user_ids that are external_userids themselves.
    """
    groups: list[tuple[set[str], set[str]]] = []
    links = [(session.user_id, session.recipient.external_userid) for session in sessions]
    links += [(user_id, user_id) for user_id in own_people]
    for user_id, external_userid in links:
        touching = [found for found in groups if user_id in found[0] or external_userid in found[1]]
        merged = ({user_id}, {external_userid})
        for found in touching:
            merged[0].update(found[0])
            merged[1].update(found[1])
            groups.remove(found)
        groups.append(merged)
    wanted = set(user_ids)
    people = [Group(frozenset(users), frozenset(phones)) for users, phones in groups if users & wanted]
    alone = wanted - {user_id for person in people for user_id in person.user_ids}
    return people + [Group(frozenset({user_id}), frozenset()) for user_id in sorted(alone)]
