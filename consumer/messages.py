"""A message without a match, by the host's or an operator's wish: judged and reserved as any other push is.

The transaction that reserves it is the moment of sending: every gate is asked in it, it takes a slot, and
whoever retries it asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from consumer import outlook, pauses
from consumer.bodies import Need, body_of
from consumer.book import Wording
from consumer.compose import msgid_of
from consumer.gather import HostInputs, Rules
from consumer.ledger import pushes
from consumer.ledger.pushes import Attempt, Draft, Letter
from consumer.outlook import Outlook
from schemas.database import Transaction
from schemas.decisions import Send
from schemas.kf_kinds import Envelope, Text, message_body
from schemas.states import PauseScope

HOST: Final = "host"
"""The kind of push that carries what somebody wrote."""


@dataclass(frozen=True, slots=True)
class Card:
    """A message of any kind: a wording, the values it is filled with, and the files that are ready."""

    wording: Wording
    values: Mapping[str, str]
    media: Mapping[Need, str]


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote; the same ``key`` makes the same message, which goes once."""

    user_id: str
    text: str
    key: str
    keeps_quiet: bool = False
    card: Card | None = None
    """What goes in place of the text."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is reserved, by both clocks, by whom, and until when nobody else touches it."""

    now: datetime
    holder: str
    lease_until: datetime


def look(tx: Transaction, inputs: HostInputs, message: Message, rules: Rules, now: datetime) -> Outlook:
    """Tell what would be decided about a message now; nothing is written."""
    return outlook.of_message(
        tx, inputs, message.user_id, rules, now, kind=HOST, keeps_quiet=message.keeps_quiet
    )


def reserve(
    tx: Transaction,
    inputs: HostInputs,
    message: Message,
    rules: Rules,
    installation: str,
    moment: Moment,
) -> Attempt | Outlook | None:
    """Reserve a message; what keeps it from going, if something does; None if it was reserved before."""
    found = look(tx, inputs, message, rules, moment.now)
    if not isinstance(found.decision, Send):
        return found
    recipient = found.decision.recipient
    msgid = msgid_of(installation, HOST, [message.key])
    letter = Letter(
        msgid=msgid,
        recipient=recipient,
        user_id=message.user_id,
        person=found.name,
        matches=(),
        body=_body(message, Envelope(recipient.external_userid, recipient.open_kfid, msgid)),
        kind=HOST,
    )
    opened_at = next(window.opened_at for window in found.person.windows if window.recipient == recipient)
    draft = Draft(letter, found.decision.send_by, opened_at)
    [attempt] = pushes.write(
        tx, [draft], holder=moment.holder, lease_until=moment.lease_until, now=moment.now
    )
    if attempt is not None:
        for pause in found.pauses:  # it goes as a probe: nothing else before its answer
            if pause.is_ours and pause.scope in {PauseScope.CORP, PauseScope.ACCOUNT}:
                pauses.probing(tx, pause, moment.now)
    return attempt


def _body(message: Message, envelope: Envelope) -> dict[str, object]:
    if message.card is not None:
        return body_of(message.card.wording, envelope, message.card.values, message.card.media)
    return message_body(envelope, Text(message.text))
