"""Writes what the application reports by HTTP into the tables of those who own them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from consumer import conversions, opens
from consumer.conversions import Conversion
from consumer.opens import Reported
from producer.reports.board import Report, What
from schemas.database import Transaction
from schemas.opens import Proxy


def write(tx: Transaction, reports: Sequence[Report], now: datetime) -> list[bool]:
    """Note opens and conversions; tell of each report whether what it is about is known.

    A conversion always is: it may come before its match.  What claims to come from the future is of now.
    """
    opened = [
        Reported(Proxy.MINIPROGRAM, min(each.at or now, now), each.push, each.match_id)
        for each in reports
        if each.what is What.OPENED
    ]
    known = iter(opens.report(tx, opened) if opened else [])
    converted = [
        Conversion(each.match_id, each.name, min(each.at or now, now))
        for each in reports
        if each.what is What.CONVERTED
    ]
    conversions.note(tx, converted)
    return [next(known) if each.what is What.OPENED else True for each in reports]
