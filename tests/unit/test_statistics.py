"""What counts allow to say, against statsmodels and scipy.

Every expected number was printed once by the call that stands beside it (statsmodels 0.14, scipy 1.x); where
statsmodels can be imported, it is asked again about anything.
"""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.reporting.statistics import (
    Count,
    Interval,
    chi_square_above,
    exact_binomial,
    is_normal,
    needed,
    newcombe,
    split,
    two_shares,
    wilson,
)

counts = st.integers(0, 3000).flatmap(lambda of: st.builds(Count, st.integers(0, of), st.just(of)))


def ends(interval: Interval) -> tuple[float, float]:
    """Both ends, to be compared about."""
    return interval.low, interval.high


seen = counts.filter(lambda count: count.of > 0)


@pytest.mark.parametrize(
    ("yes", "of", "low", "high"),
    [  # proportion_confint(yes, of, method="wilson")
        (0, 1, 0, 0.793450685623),
        (1, 1, 0.206549314377, 1),
        (0, 10, 0, 0.277532799863),
        (3, 10, 0.107791267406, 0.603221852539),
        (10, 10, 0.722467200137, 1),
        (1, 1000, 0.000176546370626, 0.00564255859796),
        (512, 2048, 0.231726207008, 0.269209893294),
    ],
)
def test_a_share_has_wilsons_interval(yes: int, of: int, low: float, high: float) -> None:
    """Also of nothing at all, of all, and of one."""
    found = wilson(Count(yes, of))

    assert ends(found) == pytest.approx((low, high), abs=1e-11)


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [  # confint_proportions_2indep(*after, *before, method="newcomb", compare="diff")
        ((48, 80), (56, 70), 0.0524314724024, 0.333872654037),
        ((3, 10), (9, 10), 0.170522723935, 0.809017973535),
        ((0, 20), (0, 10), -0.161125158053, 0.277532799863),
        ((0, 10), (10, 10), 0.607509350431, 1),
        ((0, 29), (5, 56), -0.0381371479035, 0.192560013855),
        ((156, 1010), (120, 1000), -0.0645608882167, -0.00434114115004),
    ],
)
def test_a_difference_has_newcombes_interval(
    before: tuple[int, int], after: tuple[int, int], low: float, high: float
) -> None:
    """Where one side is nothing or all, too; the first two are of Newcombe's own paper (0.0524, 0.3339)."""
    found = newcombe(Count(*before), Count(*after))

    assert ends(found) == pytest.approx((low, high), abs=1e-11)


@pytest.mark.parametrize(
    ("before", "after", "p"),
    [  # proportions_ztest([after.yes, before.yes], [after.of, before.of])
        ((48, 80), (56, 70), 0.0080450813682),
        ((3, 10), (9, 10), 0.00616989932054),
        ((156, 1010), (120, 1000), 0.0248275327578),
        ((0, 900), (1, 1000), 0.342654663911),
        ((0, 10), (0, 20), 1),
        ((10, 10), (20, 20), 1),
        ((0, 0), (3, 10), 1),
    ],
)
def test_two_shares_are_tested(before: tuple[int, int], after: tuple[int, int], p: float) -> None:
    """Where all answered alike, or nobody was asked, nothing differs."""
    assert two_shares(Count(*before), Count(*after)) == pytest.approx(p, rel=1e-9)


def test_small_numbers_are_no_normal_ones() -> None:
    """Five are expected in each of the four cells: 100 and 100 of which ten said yes are just enough."""
    assert is_normal(Count(3, 100), Count(7, 100))
    assert not is_normal(Count(3, 100), Count(6, 100))
    assert not is_normal(Count(97, 100), Count(94, 100))
    assert not is_normal(Count(0, 0), Count(0, 0))


@pytest.mark.parametrize(
    ("found", "weights", "p"),
    [
        # By chisquare, expecting what the weights say.
        ([480, 520], [1, 1], 0.205903210732),
        ([500, 300, 200], [5, 3, 2], 1),
        ([900, 1100], [1, 1], 7.74421643104e-06),
        ([330, 330, 340], [1, 1, 1], 0.904837418036),
        ([95, 400, 505, 1000], [1, 4, 5, 10], 0.960028480307),
        # Too few for that.  binomtest(7, 9, 0.3)
        ([7, 2], [3, 7], 0.004290894),
        # By hand: 5 or 6 of 6 at a third are (12 + 1) of 729, and three groups were looked at.
        ([5, 1, 0], [1, 1, 1], 39 / 729),
        ([4, 4], [1, 1], 1),
        ([0, 0], [1, 1], 1),
        ([17], [1], 1),
    ],
)
def test_a_split_is_checked(found: Sequence[int], weights: Sequence[float], p: float) -> None:
    """By chi-square, and where that does not serve exactly."""
    assert split(found, weights) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize(
    ("value", "freedom", "p"),
    [  # chi2.sf(value, freedom)
        (0, 1, 1),
        (0, 2, 1),
        (3.84, 1, 0.0500435212487),
        (10, 2, 0.00673794699909),
        (7.5, 3, 0.0575584519726),
        (12, 4, 0.0173512652367),
        (25, 7, 0.000758800255658),
        (900, 5, 2.66141473302e-192),
    ],
)
def test_chi_square_is_in_closed_form(value: float, freedom: int, p: float) -> None:
    """For odd and for even degrees of freedom, and far out."""
    assert chi_square_above(value, freedom) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize(
    ("yes", "of", "share", "p"),
    [  # binomtest(yes, of, share)
        (0, 8, 0.5, 0.0078125),
        (1, 8, 0.5, 0.0703125),
        (4, 8, 0.5, 1),
        (7, 9, 0.3, 0.004290894),
        (0, 1, 0.5, 1),
        (2, 300, 0.01, 0.774830142897),
        (0, 300, 0.01, 0.0817918404741),
    ],
)
def test_the_exact_test_sums_what_is_no_likelier(yes: int, of: int, share: float, p: float) -> None:
    """Two outcomes that are equally likely both count, whatever rounding says."""
    assert exact_binomial(yes, of, share) == pytest.approx(p, rel=1e-9)


def test_how_many_a_difference_needs() -> None:
    """The textbook's own example: from 10 to 15 percent takes 686 in each group (Fleiss)."""
    assert needed(0.10, 0.15) == 686
    assert needed(0.15, 0.10) == 686
    assert needed(0.3, 0.3) is None


@given(counts)
def test_a_share_lies_in_its_interval(count: Count) -> None:
    """And the interval among the shares there are."""
    found = wilson(count)

    assert 0 <= found.low <= found.high <= 1
    assert count.rate is None or found.low - 1e-12 <= count.rate <= found.high + 1e-12


@given(counts, counts)
def test_a_difference_lies_in_its_interval(before: Count, after: Count) -> None:
    """And turns its sign with the sides."""
    found, turned = newcombe(before, after), newcombe(after, before)

    assert -1 <= found.low <= found.high <= 1
    assert ends(found) == pytest.approx((-turned.high, -turned.low))
    if before.rate is not None and after.rate is not None:
        assert found.low - 1e-12 <= after.rate - before.rate <= found.high + 1e-12


@given(seen, seen)
def test_a_test_says_a_chance(before: Count, after: Count) -> None:
    """Between 0 and 1, and the same whichever side comes first."""
    found = two_shares(before, after)

    assert 0 <= found <= 1
    assert found == pytest.approx(two_shares(after, before), rel=1e-6)


@given(st.integers(50, 5000), st.lists(st.sampled_from([1, 2, 5]), min_size=2, max_size=5))
def test_a_bad_split_is_flagged_and_a_good_one_is_not(each: int, weights: list[int]) -> None:
    """Dealt exactly by weight is no fault; a quarter of one group lost on thousands is."""
    good = [each * weight for weight in weights]
    bad = [good[0] // 4 * 3, *good[1:]]

    assert split(good, weights) == pytest.approx(1)
    if good[0] >= 1000:
        assert split(bad, weights) < 0.001


@settings(deadline=None)
@given(seen, seen)
def test_statsmodels_says_the_same(before: Count, after: Count) -> None:
    """Where it can be imported: it is too large a package to be installed for this."""
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    low, high = proportion.proportion_confint(after.yes, after.of, method="wilson")
    assert ends(wilson(after)) == pytest.approx((low, high), abs=1e-9)
    low, high = proportion.confint_proportions_2indep(
        after.yes, after.of, before.yes, before.of, method="newcomb", compare="diff"
    )
    assert ends(newcombe(before, after)) == pytest.approx((low, high), abs=1e-9)
    if 0 < before.yes + after.yes < before.of + after.of:
        _, p = proportion.proportions_ztest([after.yes, before.yes], [after.of, before.of])
        assert two_shares(before, after) == pytest.approx(p, rel=1e-6)
