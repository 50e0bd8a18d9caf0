"""Tells a match's journey: the answer first, then what happened, then what decides now.  Pure."""

from __future__ import annotations

from ops.looking.journey import Journey, Revision
from ops.telling import texts
from ops.telling.answer import answer
from ops.telling.facts import facts
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import DELIVERIES, Language
from ops.telling.story import story
from schemas.events import event_key
from schemas.states import DeliveryStatus

_TONES = {
    DeliveryStatus.SENT: Tone.GOOD,
    DeliveryStatus.DROPPED: Tone.QUIET,
    DeliveryStatus.DEAD: Tone.BAD,
}


def tell(journey: Journey, language: Language) -> tuple[Said, ...]:
    """Tell everything about a match, revision by revision; of one that nobody knows, what that means."""
    if not journey.is_known:
        return _nowhere(journey, language)
    told: list[Said] = []
    for revision in journey.revisions:
        teller = Teller(language, revision.timezone, journey.now)
        problem = next((item.problem for item in journey.looked[1:] if item.problem), None)
        told.append(Said(_headline(journey, revision, teller), tone=_tone(revision), gap=bool(told)))
        told += [Said(text, depth=1) for text in answer(revision, journey.now, problem, teller)]
        told.append(Said(teller.say(texts.WHAT_HAPPENED, zone=revision.timezone), tone=Tone.HEAD, gap=True))
        told += story(revision, event_key(journey.match_id, revision.revision), teller)
        if revision.prospect is not None and revision.prospect.wishes is not None:
            told.append(Said(teller.say(texts.WHAT_DECIDES), tone=Tone.HEAD, gap=True))
            told += facts(revision.prospect, journey.now, teller)
    return tuple(told)


def _headline(journey: Journey, revision: Revision, teller: Teller) -> str:
    told = teller.say(texts.MATCH, match=journey.match_id, revision=revision.revision)
    if revision.user_id:
        told += teller.say(texts.OF_USER, user=revision.user_id)
    if revision.intent_id:
        told += teller.say(texts.OF_INTENT, intent=revision.intent_id)
    status = DELIVERIES[DeliveryStatus(revision.status)] if revision.status else texts.NOT_ARRIVED
    return teller.say(texts.HEADLINE, match=told, status=teller.say(status))


def _tone(revision: Revision) -> Tone:
    return _TONES.get(DeliveryStatus(revision.status), Tone.WAIT) if revision.status else Tone.WAIT


def _nowhere(journey: Journey, language: Language) -> tuple[Said, ...]:
    """Say where it was looked for, and what it can mean that nothing was found."""
    is_looked_for = any(item.problem is None for item in journey.looked)
    headline = texts.UNKNOWN if is_looked_for else texts.NOT_LOOKED_FOR
    told = [Said(headline.say(language, match=journey.match_id), tone=Tone.BAD)]
    for item in journey.looked:
        text = texts.NOT_LOOKED_IN if item.problem else texts.LOOKED_IN
        told.append(
            Said(
                text.say(language, tables=item.tables, database=item.database, problem=item.problem), depth=1
            )
        )
    if not is_looked_for:
        return tuple(told)
    told.append(Said(texts.MEANS.say(language), tone=Tone.HEAD, gap=True))
    reasons = (texts.NOT_COMMITTED, texts.OTHER_DATABASE, texts.OTHER_ID)
    told += [Said(f"- {text.say(language)}", depth=1) for text in reasons]
    return tuple(told)
