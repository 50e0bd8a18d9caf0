"""Tells how the whole stands, on one screen: the verdict, what needs a person, then everything.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ops.looking.standing import KfAccount, Ledger, Outbox, Standing, Stream, Waiting, is_behind
from ops.telling import status_texts as texts
from ops.telling.facts import pause_text
from ops.telling.needs import told_needs
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import PUSHES, Language, Text, short
from schemas.states import DeliveryStatus, PushStatus


def screen(standing: Standing, language: Language) -> tuple[Said, ...]:
    """Tell everything, line by line; the word on the left is in ``at``."""
    teller = Teller(language, standing.timezone, standing.now)
    wanting = told_needs(standing, teller)
    headline = teller.say(
        texts.HEADLINE,
        now=standing.now,
        where=teller.say(texts.IN_SANDBOX) if standing.is_sandbox else "",
        verdict=_verdict(len(wanting), teller),
    )
    told = [Said(headline, Tone.BAD if wanting else Tone.GOOD)]
    told += [Said(f"- {text}", Tone.BAD, depth=1) for text in wanting]
    told.append(Said(teller.say(texts.STANDS), Tone.HEAD, gap=True))
    lines = [*_outbox(standing, teller), *_stream(standing, teller)]
    if standing.ledger is not None:
        lines += _ledger(standing.ledger, standing, teller)
    before: Text | None = None
    for label, text in lines:
        told.append(Said(text, at="" if label is before else teller.say(label), depth=1))
        before = label
    return tuple(told)


Line = tuple[Text, str]
"""The word on the left, and what stands beside it."""


def _verdict(needs: int, teller: Teller) -> str:
    if not needs:
        return teller.say(texts.WELL)
    return teller.say(texts.NEED_ONE) if needs == 1 else teller.say(texts.NEED_MANY, count=needs)


def _outbox(standing: Standing, teller: Teller) -> Iterator[Line]:
    outbox: Outbox | None = standing.outbox
    if outbox is None:
        return
    told = [teller.say(texts.NONE_UNMIRRORED), teller.say(texts.ALL_CARRIED)]
    if outbox.unmirrored_since is not None:
        span = teller.span(standing.now - outbox.unmirrored_since)
        told[0] = teller.say(texts.UNMIRRORED, count=outbox.unmirrored, span=span)
    if outbox.uncarried_since is not None:
        span = teller.span(standing.now - outbox.uncarried_since)
        told[1] = teller.say(texts.UNCARRIED, count=outbox.uncarried, span=span)
    yield texts.OUTBOX, teller.listed(told)


def _stream(standing: Standing, teller: Teller) -> Iterator[Line]:
    stream: Stream = standing.stream
    if stream.problem:
        yield texts.STREAM, teller.say(texts.REDIS_AWAY, problem=stream.problem)
        return
    read = texts.LAG_UNKNOWN if stream.lag is None else texts.ENTRIES
    told = [teller.say(read, length=stream.length, lag=stream.lag), teller.say(texts.NONE_PENDING)]
    if stream.pending_since is not None:
        span = teller.span(standing.now - stream.pending_since)
        told[1] = teller.say(texts.PENDING, count=stream.pending, span=span)
    yield texts.STREAM, teller.listed(told)
    heard = [
        teller.say(texts.CONSUMER, name=item.name, span=teller.span(standing.now - item.heard_at))
        for item in stream.consumers
    ]
    mirror = teller.say(texts.MIRROR_ACTIVE if stream.has_mirror else texts.NO_MIRROR)
    consumers = (
        teller.say(texts.CONSUMERS, names=teller.listed(heard)) if heard else teller.say(texts.NO_CONSUMER)
    )
    yield texts.STREAM, teller.listed([mirror, consumers])


def _ledger(ledger: Ledger, standing: Standing, teller: Teller) -> Iterator[Line]:
    for status, label in ((DeliveryStatus.WAITING, texts.WAITING), (DeliveryStatus.PARKED, texts.PARKED)):
        items = [item for item in ledger.waiting if item.status == status]
        for item in items:
            yield label, _waiting(item, standing, teller)
        if not items:
            yield label, teller.say(texts.NOTHING)
    sending = [teller.say(texts.MATCHES_ON_THE_WAY, count=ledger.sending)] if ledger.sending else []
    for pushes in ledger.open:
        span = teller.span(standing.now - pushes.oldest_at)
        what = teller.say(PUSHES[PushStatus(pushes.status)])
        sending.append(teller.say(texts.OPEN_PUSHES, count=pushes.count, what=what, span=span))
    yield texts.SENDING, teller.listed(sending) or teller.say(texts.NOTHING)
    yield from _lately(ledger, standing, teller)
    windows = texts.EXHAUSTED_WINDOWS if ledger.windows_exhausted else texts.OPEN_WINDOWS
    yield texts.WINDOWS, teller.say(windows, count=ledger.windows_open, exhausted=ledger.windows_exhausted)
    for account in ledger.accounts:
        yield texts.ACCOUNTS, _account(account, standing, teller)
    if ledger.not_understood:
        yield texts.ACCOUNTS, teller.say(texts.NOT_UNDERSTOOD, count=ledger.not_understood)
    for halt in ledger.pauses:
        yield texts.PAUSED, pause_text(halt, teller)
    yield from _experiments(ledger, teller)
    for dead in ledger.dead:
        why = short(dead.reason, teller.language)
        yield texts.DEAD, teller.say(texts.COUNTED, count=dead.count, why=why)
    for table, counts in (ledger.totals or {}).items():
        parts = [f"{count} {name}" for name, count in counts.items()]
        yield texts.TOTAL, f"{table}: {teller.listed(parts) or 0}"


def _account(account: KfAccount, standing: Standing, teller: Teller) -> str:
    name = account.open_kfid
    if account.is_revoked:
        return teller.say(texts.ACCOUNT_REVOKED, account=name)
    if account.read_at is None:
        return teller.say(texts.ACCOUNT_UNREAD, account=name)
    read = teller.span(standing.now - account.read_at)
    if account.waiting_since is None or not is_behind(account, standing.now):
        return teller.say(texts.ACCOUNT_READ, account=name, span=read)
    span = teller.span(standing.now - account.waiting_since)
    return teller.say(texts.ACCOUNT_BEHIND, account=name, span=span, read=read)


def _waiting(item: Waiting, standing: Standing, teller: Teller) -> str:
    why = short(item.reason, teller.language)
    if item.looks_at is None or item.status == DeliveryStatus.PARKED:
        return teller.say(texts.COUNTED, count=item.count, why=why)
    if item.looks_at <= standing.now:
        span = teller.span(standing.now - item.looks_at)
        return teller.say(texts.DUE, count=item.count, why=why, span=span)
    return teller.say(texts.LOOKED_AT, count=item.count, why=why, at=item.looks_at)


def _experiments(ledger: Ledger, teller: Teller) -> Iterator[Line]:
    for trying in ledger.experiments:
        text = texts.TRYING_HOLDOUT if trying.holdout else texts.TRYING
        facts = {"name": trying.name, "template": trying.template, "since": trying.started_at}
        yield texts.EXPERIMENTS, teller.say(text, **facts, share=f"{trying.holdout:.1%}")


def _lately(ledger: Ledger, standing: Standing, teller: Teller) -> Iterator[Line]:
    """The latest pushes and drops: a bounded look back, and it says how far."""
    lately = ledger.lately
    if not lately.pushes:
        yield texts.LATELY, teller.say(texts.NO_PUSH_YET)
    else:
        parts = [
            teller.say(texts.PART, count=count, what=teller.say(PUSHES[PushStatus(status)]))
            for status, count in lately.by_status.items()
        ]
        codes = [
            teller.say(texts.WITH_CODE, code=code, count=count) for code, count in lately.by_errcode.items()
        ]
        parts += [teller.say(texts.CODES, codes=teller.listed(codes))] if codes else []
        told = teller.listed(parts)
        yield (
            texts.LATELY,
            teller.say(texts.OF_THE_LATEST, count=lately.pushes, since=lately.since, parts=told),
        )
    if lately.dropped:
        parts = [f"{count} {short(reason, teller.language)}" for reason, count in lately.dropped.items()]
        told = teller.listed(parts)
        yield texts.DROPPED, teller.say(texts.DROPPED_LATELY, since=lately.dropped_since, parts=told)
    if ledger.last_sent_at is not None:
        span = teller.span(standing.now - ledger.last_sent_at)
        yield texts.LAST_SENT, teller.say(texts.SENT_AT, at=ledger.last_sent_at, span=span)
    elif lately.pushes:
        yield texts.LAST_SENT, teller.say(texts.NOT_AMONG)
