"""What planning would decide now about one match or one push, for whoever asks why.

The same facts and the same policy as in a round of planning; nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from consumer import pauses, windows
from consumer.blocked import marked
from consumer.facts import Person
from consumer.gather import HostInputs, Known, Rules, gather
from consumer.kinds import as_judged
from consumer.ledger import deliveries, pushes
from consumer.ledger.deliveries import Key
from consumer.ledger.pushes import Push
from consumer.pauses import Pause
from consumer.plain import as_match
from consumer.planner import Planned, plan
from consumer.policy import judge
from consumer.retry import GiveUp, judge_retry
from schemas.database import Transaction
from schemas.decisions import Decision, Defer, Reason


@dataclass(frozen=True, slots=True)
class Outlook:
    """The decision, and what it follows from.

    ``decision`` is None where so much waits for this person that planning would not come to it yet.
    ``has_spoken`` says that the host knows of a newer word: everything of theirs is decided anew at once.
    ``pauses`` are those in force for the corp, for matches, or for a KF account of theirs; one of the corp
    that kfpush itself made stands above every decision.
    """

    decision: Decision | GiveUp | None
    person: Person
    pauses: tuple[Pause, ...]
    has_spoken: bool
    complaints: tuple[str, ...]
    name: str = ""
    """What the ledger calls the person."""


def of_match(
    tx: Transaction, inputs: HostInputs, user_id: str, key: Key, rules: Rules, now: datetime
) -> Outlook:
    """Judge a match that waits or is parked, after whatever of the same person goes before it."""
    known, active, has_spoken = _look(tx, inputs, user_id, rules, now, kind=pushes.MATCH)
    rows = marked(deliveries.pending_of(tx, sorted(known.group.user_ids), now), rules.words.content)
    planned = plan(known.facts, [row.candidate for row in rows], now)
    decision = next((told for item in planned if (told := _of(item, key)) is not None), None)
    return Outlook(decision, known.facts, active, has_spoken, known.complaints)


def _of(item: Planned, key: Key) -> Decision | None:
    """What an item of the plan means for one match."""
    if key in {(match.match_id, match.revision) for match in item.matches}:
        return item.decision
    if key in {(match.match_id, match.revision) for match in item.behind}:
        return item.behind_waits
    return None


def of_push(tx: Transaction, inputs: HostInputs, push: Push, rules: Rules, now: datetime) -> Outlook:
    """Judge the next try of an open push, its own slot not counted."""
    letter = push.letter
    known, active, has_spoken = _look(tx, inputs, letter.user_id, rules, now, kind=letter.kind, but=push.id)
    matches = deliveries.of_push(tx, push.id)
    facts, judged = as_judged(known.facts, push, matches)
    decision = judge_retry(facts, letter.recipient, judged, push.reserved_at, now)
    return Outlook(decision, known.facts, active, has_spoken, known.complaints)


def of_user(tx: Transaction, inputs: HostInputs, user_id: str, rules: Rules, now: datetime) -> Outlook:
    """Gather what decides about a user's matches; there is none to decide about."""
    known, active, has_spoken = _look(tx, inputs, user_id, rules, now, kind=pushes.MATCH)
    return Outlook(None, known.facts, active, has_spoken, known.complaints)


def of_message(
    tx: Transaction,
    inputs: HostInputs,
    user_id: str,
    rules: Rules,
    now: datetime,
    *,
    kind: str,
    keeps_quiet: bool,
) -> Outlook:
    """Judge a message that carries no match, and that would be reserved now."""
    known, active, has_spoken = _look(tx, inputs, user_id, rules, now, kind=kind)
    corp = pauses.corp_pause(active)
    decision: Decision
    if corp is not None and not corp.may_probe(now):
        decision = Defer(corp.looks_again_at(now), Reason.PAUSED)
    else:
        decision = judge(*as_match(known.facts, user_id, now, keeps_quiet=keeps_quiet), now)
    return Outlook(decision, known.facts, active, has_spoken, known.complaints, known.group.name)


def _look(
    tx: Transaction,
    inputs: HostInputs,
    user_id: str,
    rules: Rules,
    now: datetime,
    *,
    kind: str,
    but: int | None = None,
) -> tuple[Known, tuple[Pause, ...], bool]:
    words, complaints = windows.unheard(tx, inputs.sessions, rules.host_zone, now)
    active = pauses.active(tx, now)
    paused = pauses.paused_accounts(active, now)
    [known] = gather(tx, inputs, [user_id], rules, now, but=but, words=words)
    accounts = {window.recipient.open_kfid for window in known.facts.windows}
    facts = replace(known.facts, paused=paused, held=pauses.held_until(active, kind, now))
    opened = {
        window.recipient: window.opened_at
        for listed in windows.load(tx, {word.recipient.external_userid for word in words}).values()
        for window in listed
    }
    has_spoken = any(_is_newer(word.spoken_at, opened.get(word.recipient)) for word in words)
    known = replace(known, facts=facts, complaints=(*complaints, *known.complaints))
    return known, pauses.touching(active, accounts, kind), has_spoken


def _is_newer(spoken_at: datetime | None, opened_at: datetime | None) -> bool:
    return spoken_at is not None and (opened_at is None or spoken_at > opened_at)
