"""What the application reports by HTTP: only with the token, counted once, and never in a callback's way."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from ops import reported
from ops.serving import make_app
from producer.reports import board as boards
from producer.reports.app import LARGEST, Reports
from producer.reports.board import Report, ReportBoard, What
from schemas.receipts import Accepted
from tests.flow.callback_house import callback_house, eventually
from tests.flow.ledger_house import LedgerHouse

TOKEN = "0123456789abcdef-a-token"
OTHER = "fedcba9876543210-another"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@dataclass
class Door:
    """The application's door, with somebody behind it who writes."""

    house: LedgerHouse
    board: ReportBoard
    client: httpx.AsyncClient
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    writing: asyncio.Task[None] | None = None

    def write(self) -> None:
        """From now on somebody writes."""
        self.writing = asyncio.create_task(self.board.run(self.stop))

    async def post(
        self, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Report, with the token unless the test says otherwise."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = await self.client.post(path, content=content, headers=BEARER if headers is None else headers)
        return answer.status_code, answer.json()

    async def rows(self, table: str) -> list[tuple[object, ...]]:
        """What is written."""
        return [
            tuple(row.values()) for row in await self.house.rows(f"SELECT * FROM {table} ORDER BY match_id")
        ]


@pytest.fixture
async def door(house: LedgerHouse, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """Two messages with a match each, sent; and a door that takes either of two tokens."""
    await house.session()
    await house.sent(Accepted(), "m1", "m2")
    board = ReportBoard(house.own, reported.write, wall=lambda: house.now)
    async with callback_house(f"sqlite:///{tmp_path_factory.mktemp('away')}/away.db") as callbacks:
        app = make_app(callbacks.callback, Reports(board, [OTHER, TOKEN]))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://kfpush") as client:
            opened = Door(house, board, client)
            yield opened
            opened.stop.set()
            if opened.writing:
                await opened.writing


async def test_an_open_is_noted_once(door: Door) -> None:
    """By the message's number, by its msgid, by its match: told as written each time."""
    door.write()
    msgid, _ = (str(msgid) for (msgid,) in await door.house.pushes("msgid"))
    at = {"at": "2026-11-22T03:30:00Z", "page": "detail"}

    for path, body in (
        ("/api/pushes/1/opened", at),
        ("/api/pushes/1/opened", None),
        (f"/api/pushes/{msgid}/opened", {}),
        ("/api/pushes/2/opened", {"match_id": "m2"}),
        ("/api/matches/m2/opened", None),
    ):
        status, told = await door.post(path, body)
        assert (status, told["success"], told["message"]) == (200, True, "noted")
        assert told["data"] == {"id": path.split("/")[3], "what": "opened"}

    assert await door.rows("push_opens") == [
        (1, "", "miniprogram", "2026-11-22T03:30:00.000Z"),
        (2, "m2", "miniprogram", "2026-11-22T04:00:00.000Z"),
    ]


async def test_a_conversion_is_noted_once(door: Door) -> None:
    """The first word stays; one of a match that nobody knows yet is kept; none is from the future."""
    door.write()

    for match_id, body in (
        ("m1", {"name": "met"}),
        ("m1", {"name": "signed"}),
        ("later", {"at": "2030-01-01T00:00:00Z"}),
    ):
        assert (await door.post(f"/api/matches/{match_id}/converted", body))[0] == 200

    assert await door.rows("push_conversions") == [
        ("later", "2026-11-22T04:00:00.000Z", "converted"),
        ("m1", "2026-11-22T04:00:00.000Z", "met"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"x-token": TOKEN},
    ],
)
async def test_without_the_token_nothing_is_read(door: Door, headers: dict[str, str]) -> None:
    """Not even the body is judged."""
    for path in ("/api/pushes/1/opened", "/api/matches/m1/converted"):
        answer = await door.client.post(path, content=b"{", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["success"] is False
    assert door.board.waiting == 0


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", f"Bearer {OTHER}"])
async def test_either_token_opens(door: Door, given: str) -> None:
    """Two are good while one is changed."""
    door.write()

    assert (await door.post("/api/pushes/1/opened", None, {"authorization": given}))[0] == 200


async def test_without_a_token_there_is_no_door(house: LedgerHouse, tmp_path: object) -> None:
    """Nobody can guess at what is not there."""
    board = ReportBoard(house.own, reported.write, wall=lambda: house.now)
    assert Reports(board, []).routes() == []


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/api/pushes/1/opened", b"{", 400, "not a JSON object"),
        ("/api/pushes/1/opened", b"[]", 400, "not a JSON object"),
        ("/api/pushes/1/opened", b"\xff", 400, "not a JSON object"),
        ("/api/pushes/1/opened", b"[" * 4000, 400, "not a JSON object"),
        ("/api/pushes/1/opened", {"at": "soon"}, 400, "at: "),
        ("/api/pushes/1/opened", {"match_id": "a b"}, 400, "match_id: "),
        ("/api/matches/m1/converted", {"name": "他们见面了"}, 400, "name: "),
        ("/api/matches/m1/converted", {"name": "\ud800"}, 400, "name: "),
        (f"/api/matches/{'m' * 200}/converted", None, 400, "id: "),
        ("/api/pushes/1/opened", b" " * (LARGEST + 1), 413, "longer than"),
        ("/api/pushes/99/opened", None, 404, "no such message"),
        (f"/api/pushes/{'9' * 40}/opened", None, 404, "no such message"),
        ("/api/matches/m77/opened", None, 404, "no such message"),
    ],
)
async def test_what_cannot_be_noted_is_told_why(
    door: Door, path: str, body: object, status: int, words: str
) -> None:
    """And nothing that was sent is said back."""
    door.write()

    found, told = await door.post(path, body)

    assert (found, told["success"]) == (status, False)
    assert words in told["message"]
    assert "他们" not in told["message"]
    assert await door.rows("push_opens") == []
    assert await door.rows("push_conversions") == []


async def test_get_is_not_served(door: Door) -> None:
    """Nothing can be read here."""
    answer = await door.client.get("/api/pushes/1/opened", headers=BEARER)

    assert answer.status_code == 405


async def test_while_the_database_is_away_it_waits_in_memory(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told as kept; written when somebody writes again; a full memory is said, and the callback answers."""
    monkeypatch.setattr(boards, "WAIT", 0.01)
    monkeypatch.setattr(boards, "MOST_WAITING", 2)

    told = [(await door.post(f"/api/pushes/{number}/opened"))[0] for number in (1, 2, 1)]

    assert told == [202, 202, 503]
    health = (await door.client.get("/healthz")).json()
    assert (health["ok"], health["reports_waiting"]) == (True, 2)
    door.write()
    await eventually(lambda: door.board.waiting == 0)
    assert len(await door.rows("push_opens")) == 2


async def test_what_waits_is_written_before_the_end(door: Door) -> None:
    """Whoever is asked to stop writes what waits, and then ends."""
    waiting = [
        asyncio.create_task(door.board.put(Report(What.CONVERTED, match_id=f"c{n}", name="met")))
        for n in range(450)
    ]
    await asyncio.sleep(0)
    door.stop.set()

    await door.board.run(door.stop)

    assert {await one for one in waiting} == {"written"}
    assert len(await door.rows("push_conversions")) == 450
