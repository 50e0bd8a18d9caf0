"""A little of `make fuzz` in every run of the tests, and that it would see what it is there for."""

import re
from random import Random

import pytest

from producer.callback import letter, seal
from schemas import kf_reading
from tests.fuzz.runner import Failed, Target, run
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_crashes_or_acts(target: Target) -> None:
    """Two thousand cases of a fixed seed."""
    report = run(target, seed=1, cases=2000)

    assert report.endings.total() == 2000
    assert len(report.endings) > 4


def test_a_crash_is_told_with_its_case() -> None:
    """The number and the seed of a case are enough to have it again."""

    def breaks(chance: Random) -> str:
        assert chance.random() < 0.9, "too much"
        return "fine"

    target = Target("breaking", 100, (), breaks)
    with pytest.raises(Failed, match=r"case (\d+): AssertionError") as failed:
        run(target, seed=3, cases=100)
    number = int(re.findall(r"--first (\d+) --cases 1", str(failed.value))[0])
    assert run(target, seed=3, cases=number).endings == {"fine": number}
    with pytest.raises(Failed):
        run(target, seed=3, cases=1, first=number)


@pytest.mark.parametrize(
    ("module", "name", "replaced"),
    [
        (seal.Seal, "_is_signed", lambda *_: True),
        (letter, "_OPEN_KFID", re.compile(r"(?s).{1,64}")),
        (letter, "_SYNC_TOKEN", re.compile(r"(?s).*")),
    ],
)
def test_what_it_is_there_for_is_seen(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, replaced: object
) -> None:
    """A signature that is not looked at, ids and tokens of any form: each makes a case fail."""
    monkeypatch.setattr(module, name, replaced)
    [callbacks] = [target for target in TARGETS if target.name == "callbacks"]

    with pytest.raises(Failed):
        run(callbacks, seed=1, cases=2000)


@pytest.mark.parametrize(
    ("name", "replaced"),
    [
        ("_ID", re.compile(r"(?s).+")),
        ("instant", lambda _: None),
        ("_text", lambda found, *names: found[names[0]]),
    ],
)
def test_what_the_items_are_there_for_is_seen(
    monkeypatch: pytest.MonkeyPatch, name: str, replaced: object
) -> None:
    """Ids of any form, a time that is never read, a field that must be there: each makes a case fail."""
    monkeypatch.setattr(kf_reading, name, replaced)
    [items] = [target for target in TARGETS if target.name == "items"]

    with pytest.raises(Failed):
        run(items, seed=1, cases=2000)
