"""Gather what plan may know: the host's inputs first, then our rows, and one ``Person`` of facts each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from consumer import counting, host, rhythm, windows
from consumer.counting import Use
from consumer.facts import STRONG_SCORE, Intent, Person, Session, User
from consumer.intents import read_intents
from consumer.ledger import deliveries, usage
from consumer.people import Group, group
from consumer.preferences import settings_of
from consumer.quiet import day_start
from consumer.wordlist import WordList
from schemas import host_values
from schemas.database import Transaction
from schemas.preferences import BatchMode, Unreadable, read_preferences


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that judging needs."""

    host_zone: ZoneInfo
    user_zone: str
    slots_kept_back: int
    send_timeout: timedelta
    push_lease: timedelta
    words: WordList = field(default_factory=WordList)
    """What must not be said; who plans looks whether its file has changed."""
    message_kind: str = "text"
    """How one match is sent, where it can be."""
    taps_reopen: bool = False
    """Whether a tap on a menu gives new messages, as a word does."""
    summary: time | None = None
    """When users get a daily summary who chose nothing else; None: not at all."""
    strong_score: float = STRONG_SCORE
    """A match of this score or more is worth a message of its own."""


@dataclass(frozen=True, slots=True)
class HostInputs:
    """What the application's database said, read before our own transaction began."""

    sessions: Sequence[Session]
    preferences: Mapping[str, Mapping[str, object]]
    templates: Sequence[Mapping[str, object]]
    intents: Mapping[str, Sequence[Mapping[str, object]]]
    """By user_id."""
    complaints: tuple[str, ...] = ()


def read_host(tx: Transaction, user_ids: Collection[str], external_userids: Collection[str]) -> HostInputs:
    """Read the host's inputs for these users and phones, and for whoever is one person with them."""
    around = host.sessions_around(tx, user_ids, external_userids)
    everybody = {*user_ids, *(session.user_id for session in around.sessions)}
    return HostInputs(
        around.sessions,
        host.preferences_of(tx, everybody),
        host.templates(tx),
        host.intents_of(tx, everybody),
        around.complaints,
    )


@dataclass(frozen=True, slots=True)
class Known:
    """One person: who it is, the facts, and the rows that slots and limits were counted from."""

    group: Group
    facts: Person
    complaints: tuple[str, ...] = field(default=())
    locales: Mapping[str, str] = field(default_factory=dict)
    """Of those user_ids that chose one, the locale they read."""


def gather(
    tx: Transaction,
    inputs: HostInputs,
    user_ids: Collection[str],
    rules: Rules,
    now: datetime,
    *,
    but: int | None = None,
    words: Collection[windows.Word] = (),
) -> Iterator[Known]:
    """Describe the people of these users, one after the other; what concerns all is read at the first.

    ``but`` is a push whose own slot and count are left out; ``words`` are those of the users' own that are
    not written down yet, for who only looks and writes nothing.
    """
    own_people = windows.own_people(tx, user_ids)
    people = group(user_ids, own_people, inputs.sessions)
    named = phones_of(own_people, inputs.sessions)
    phones = {phone for person in people for phone in person.external_userids}
    users = {user_id for person in people for user_id in person.user_ids}
    opened = windows.with_words(windows.load(tx, phones), words) if words else windows.load(tx, phones)
    of_phone: dict[str, list[Use]] = {}
    of_user: dict[str, list[Use]] = {}
    for use in usage.read(tx, phones, users, now - counting.REACH):
        of_phone.setdefault(use.recipient.external_userid, []).append(use)
        of_user.setdefault(use.user_id, []).append(use)
    settings = settings_of(tx, users)
    intents_of_push = _intents_of_pushes(
        tx, [use.push_id for user_id in inputs.intents for use in of_user.get(user_id, ())]
    )
    midnights: dict[ZoneInfo, datetime] = {}
    for person in people:
        facts, complaints = {}, []
        for user_id in sorted(person.user_ids):
            preferences = read_preferences(
                inputs.preferences.get(user_id), settings.get(user_id), rules.user_zone
            )
            today: list[int] = []
            if isinstance(preferences, Unreadable):
                complaints.append(preferences.message)
            else:
                if preferences.batch_mode is BatchMode.DAILY and _names_no_hour(inputs, user_id):
                    heard = (
                        window.hours for phone in person.external_userids for window in opened.get(phone, ())
                    )
                    learnt = rhythm.joined(rhythm.from_column(hours) for hours in heard)
                    preferences = rhythm.suited(preferences, learnt, now)
                uses = of_user.get(user_id, ())
                midnight = midnights.get(preferences.zone)
                if midnight is None:
                    midnight = midnights[preferences.zone] = day_start(preferences.zone, now)
                today = counting.sent_today(user_id, midnight, uses, but=but)
            intents: Mapping[str, Intent] = {}
            if user_id in inputs.intents:
                counts = Counter(name for push_id in today for name in intents_of_push[push_id])
                intents, unreadable = read_intents(inputs.intents[user_id], counts, rules.host_zone, now)
                complaints += unreadable
            facts[user_id] = User(preferences, len(today), frozenset(named.get(user_id, ())), intents)
        counted = tuple(
            counting.counted(window, of_phone.get(phone, ()), but=but)
            for phone in sorted(person.external_userids)
            for window in opened.get(phone, [])
        )
        facts_of_all = Person(
            counted,
            facts,
            slots_kept_back=rules.slots_kept_back,
            send_timeout=rules.send_timeout,
            name=person.name,
            strong_score=rules.strong_score,
        )
        locales = {
            user_id: str(settings[user_id]["locale"])
            for user_id in person.user_ids
            if user_id in settings and settings[user_id]["locale"]
        }
        yield Known(person, facts_of_all, tuple(complaints), locales)


def _names_no_hour(inputs: HostInputs, user_id: str) -> bool:
    """Whether a user left it open when the daily message comes."""
    return host_values.is_unset(inputs.preferences.get(user_id, {}).get("preferred_time"))


def phones_of(own_people: Collection[str], sessions: Sequence[Session]) -> dict[str, set[str]]:
    """Tell to which external_userids the matches of each user_id may go: those that its own rows name."""
    named: dict[str, set[str]] = {user_id: {user_id} for user_id in own_people}
    for session in sessions:
        named.setdefault(session.user_id, set()).add(session.recipient.external_userid)
    return named


def _intents_of_pushes(tx: Transaction, push_ids: Collection[int]) -> dict[int, list[str]]:
    """Tell, for each of these pushes, the intents of the matches it carries."""
    carried = usage.carried_by(tx, push_ids)
    intents = deliveries.intents_of(tx, {key for keys in carried.values() for key in keys})
    return {push_id: [intents[key] for key in keys if key in intents] for push_id, keys in carried.items()}
