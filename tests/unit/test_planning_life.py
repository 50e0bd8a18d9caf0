"""The planner through whole lives drawn by hypothesis: what holds whatever happens, in whatever order."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.facts import SLOTS, WINDOW, Candidate, Person, User, Window
from consumer.holding import MOST_TOGETHER
from consumer.planner import plan
from consumer.quiet import day_start, is_quiet
from consumer.releasing import RELEASE_AFTER, waits_for_a_word
from schemas.decisions import Defer, Drop, Park, Reason, Send
from schemas.preferences import BatchMode, Preferences
from schemas.states import DeliveryStatus
from tests.unit.people_at_noon import KF, NOON, PHONES, likes, match

MOST_AT_ONCE = 12
"""Decisions at one instant; a planner that needs more goes in circles."""

QUIET = st.sampled_from([None, "22:00-08:00", "00:00-23:50", "11:00-13:00", "08:00-07:55"])
WISHES = st.builds(
    lambda quiet, limit, mode, stopped: likes(quiet, daily_limit=limit, batch_mode=mode, stopped=stopped),
    QUIET,
    st.sampled_from([0, 1, 2, 10]),
    st.sampled_from(BatchMode),
    st.sampled_from([False, False, False, True]),
)
MATCHES = st.fixed_dictionaries(
    {
        "score": st.sampled_from([0.6, 0.72, 0.85, 0.95]),
        "urgent": st.sampled_from([False, False, False, True]),
        "lives": st.sampled_from([timedelta(minutes=9), timedelta(hours=5), timedelta(days=7)]),
        "many": st.sampled_from([1, 1, 2, 9, 70]),
    }
)
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from([timedelta(0), timedelta(seconds=2), timedelta(hours=1), timedelta(hours=9), WINDOW]),
        st.one_of(
            st.just("word"),
            st.just("tap"),
            st.just("woken"),
            st.just("refused"),
            st.just("alone"),
            WISHES,
            MATCHES,
        ),
    ),
    max_size=14,
)


@dataclass
class Row:
    """A match where it waits."""

    match: Candidate
    due_at: datetime
    status: DeliveryStatus = DeliveryStatus.WAITING
    reason: Reason = Reason.FRESH


@dataclass
class Life:
    """One person, one phone, and the ledger's rules in a few lines."""

    wishes: Preferences
    now: datetime = NOON
    rows: dict[str, Row] = field(default_factory=dict)
    window: Window = field(default_factory=lambda: Window(KF))
    sent: list[tuple[datetime, tuple[Candidate, ...]]] = field(default_factory=list)
    made: int = 0

    def person(self) -> Person:
        today = sum(at >= day_start(self.wishes.zone, self.now) for at, _ in self.sent)
        return Person((self.window,), {"u1": User(self.wishes, today, PHONES)}, name="p")

    def wait_until(self, instant: datetime) -> None:
        """Decide at every due date up to an instant, in order."""
        again = 0
        while self.rows:
            due = min(row.due_at for row in self.rows.values())
            if due > instant:
                break
            again = again + 1 if due <= self.now else 0
            assert again <= MOST_AT_ONCE, "it goes in circles"
            self.now = max(due, self.now)
            self.decide()
        self.now = max(self.now, instant)

    def decide(self) -> None:
        person, matches = self.person(), [row.match for row in self.rows.values()]
        planned = plan(person, matches, self.now)
        assert plan(person, matches[::-1], self.now) == planned
        decided = [one.match_id for item in planned for one in (*item.matches, *item.behind)]
        assert sorted(decided) == sorted(self.rows)
        for item in planned:
            if isinstance(item.decision, Send):
                self.send(item.matches, item.decision)
                self.place(item.behind, item.behind_waits)
            else:
                self.place(item.matches, item.decision)

    def send(self, matches: tuple[Candidate, ...], send: Send) -> None:
        wishes, window = self.wishes, self.window
        assert window.opened_at is not None
        assert self.now < window.opened_at + WINDOW
        assert window.used < SLOTS
        assert not is_quiet(wishes.quiet, wishes.zone, self.now)
        assert not wishes.stopped
        assert sum(at >= day_start(wishes.zone, self.now) for at, _ in self.sent) < wishes.daily_limit
        assert 1 <= len(matches) <= MOST_TOGETHER
        assert all(one.score >= wishes.min_score and one.expires_at > self.now for one in matches)
        assert send.send_by >= self.now
        for one in matches:
            del self.rows[one.match_id]
        self.window = window.with_push(self.now)
        self.sent.append((self.now, matches))

    def place(self, matches: tuple[Candidate, ...], decision: object) -> None:
        for one in matches:
            row = self.rows[one.match_id]
            match decision:
                case Defer(until, reason):
                    assert until > self.now, "no progress"
                    row.status, row.reason = DeliveryStatus.WAITING, reason
                    row.due_at = min(until, one.expires_at)
                case Park(reason):
                    row.status, row.reason, row.due_at = DeliveryStatus.PARKED, reason, one.expires_at
                case Drop():
                    del self.rows[one.match_id]
                    continue
            told = row.reason is Reason.MORE
            row.match = replace(one, told=told, released=one.released and not told)

    def wake(self, after: timedelta = timedelta(0)) -> None:
        for row in self.rows.values():
            row.due_at = min(row.due_at, self.now + after)

    def speak(self) -> None:
        self.window = Window(KF, self.now)
        for row in self.rows.values():
            if waits_for_a_word(row.status, row.reason):
                row.match = replace(row.match, released=True, told=False, alone=False)
                row.status, row.reason = DeliveryStatus.WAITING, Reason.RELEASED
        self.wake(RELEASE_AFTER)

    def happen(self, what: object) -> None:
        match what:
            case "word":
                self.speak()
            case "tap":
                self.window = replace(self.window, unanswered=0)
                self.wake()
            case "woken":
                self.wake()
            case "refused":
                self.window = replace(self.window, exhausted=self.window.opened_at)
                self.wake()
            case "alone":
                for row in self.rows.values():
                    row.match = replace(row.match, alone=True)
                self.wake()
            case Preferences():
                self.wishes = what
                self.wake()
            case dict():
                self.arrive(**what)

    def arrive(self, *, score: float, urgent: bool, lives: timedelta, many: int) -> None:
        for _ in range(many):
            self.made += 1
            one = match(
                f"m{self.made:04}",
                score=score,
                urgent=urgent,
                created_at=self.now,
                expires_at=self.now + lives,
            )
            self.rows[one.match_id] = Row(one, self.now)


@settings(max_examples=120, deadline=None)
@given(WISHES, HAPPENINGS)
def test_whatever_happens(wishes: Preferences, happenings: list[tuple[timedelta, object]]) -> None:
    """Never in quiet hours, never a sixth, past a limit or a stop; nothing lost, and nothing goes in circles.

    Every wait has a date that is ahead, at which something comes of it; at the end of its life every match
    was sent, once, or dropped.
    """
    life = Life(wishes)
    life.speak()
    for after, what in happenings:
        life.wait_until(life.now + after)
        life.happen(what)
    life.wait_until(life.now + timedelta(days=8))

    sent = [one.match_id for _, matches in life.sent for one in matches]
    assert len(sent) == len(set(sent))
    assert life.rows == {}
