"""Who belongs to which variant: even, stable, and moved by nothing that does not concern them."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.experiments.assignment import Share, draw, is_held_out, variant_of
from ops.reporting.statistics import exact_binomial, split

USERS = [f"user-{n}" for n in range(2000)]
names = st.text(st.characters(exclude_categories=()), min_size=1, max_size=20)
weights = st.integers(1, 9)


def dealt(salt: str, *shares: Share) -> dict[str, str]:
    """Everybody's variant."""
    return {user: variant_of(salt, user, shares) for user in USERS}


def test_a_draw_is_what_it_always_was() -> None:
    """A later version that drew otherwise would move people in the midst of an experiment."""
    drawn = [draw("spring", name, "u1") for name in ("", "control", "short")]

    assert [round(number, 12) for number in drawn] == [0.173750099692, 0.600403921919, 0.561400269621]


@given(names, names, names)
def test_a_draw_is_between_zero_and_one(salt: str, name: str, user_id: str) -> None:
    """And neither, so that its logarithm is a number below zero; half of a character is a text too."""
    assert 0 < draw(salt, name, user_id) < 1


@settings(max_examples=20, deadline=None)
@given(names, st.lists(weights, min_size=2, max_size=5))
def test_everybody_is_dealt_by_weight(salt: str, given_weights: list[int]) -> None:
    """As evenly as dice would: a chance of one in a hundred millions is not met."""
    shares = [Share(f"v{n}", weight) for n, weight in enumerate(given_weights)]
    found = Counter(dealt(salt, *shares).values())

    assert split([found[share.variant] for share in shares], given_weights) > 1e-8


@settings(max_examples=20, deadline=None)
@given(names, weights, weights, weights, weights)
def test_another_weight_moves_nobody_between_the_others(
    salt: str, one: int, two: int, three: int, changed: int
) -> None:
    """Whoever moves comes from, or goes to, the variant whose weight changed, and only in one direction."""
    before = dealt(salt, Share("a", one), Share("b", two), Share("c", three))
    after = dealt(salt, Share("a", one), Share("b", two), Share("c", changed))
    moved = {(before[user], after[user]) for user in USERS if before[user] != after[user]}

    grown, shrunk = {("a", "c"), ("b", "c")}, {("c", "a"), ("c", "b")}
    assert moved <= (grown if changed > three else shrunk if changed < three else set())


def test_a_new_variant_takes_from_all_and_gives_to_none() -> None:
    """The same where one is added: the others keep whom they keep."""
    before = dealt("s", Share("a", 1), Share("b", 1))
    after = dealt("s", Share("a", 1), Share("b", 1), Share("c", 2))

    assert {new for user, new in after.items() if new != before[user]} == {"c"}


def test_two_experiments_deal_apart() -> None:
    """Who is in one's variant is in the other's as often as anybody."""
    one, two = (dealt(salt, Share("a", 1), Share("b", 1)) for salt in ("spring", "summer"))
    both = Counter((one[user], two[user]) for user in USERS)

    assert split(list(both.values()), [1, 1, 1, 1]) > 1e-6


@settings(max_examples=20, deadline=None)
@given(names, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_holdout_holds_out_more(salt: str, one: float, two: float) -> None:
    """Everybody whom the smaller one holds out, and as many as it says; nobody else is moved by it."""
    small, large = sorted((one, two))
    held = {user for user in USERS if is_held_out(salt, user, small)}

    assert held <= {user for user in USERS if is_held_out(salt, user, large)}
    assert exact_binomial(len(held), len(USERS), small) > 1e-8


def test_nobody_is_held_out_by_nothing() -> None:
    """0 percent is nobody."""
    assert not any(is_held_out("s", user, 0) for user in USERS)
