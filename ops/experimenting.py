"""Starting and stopping experiments by hand: what is checked before, and what would come of it.

Nothing but a row is written; consumers find it in their next round of planning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer import audit, host
from consumer.audit import Act
from consumer.experiments import table
from consumer.experiments.assignment import is_held_out
from consumer.experiments.trial import belongs_to, made_ready, source_of
from consumer.sources import Source, in_force
from ops.acting import Hands
from schemas.database import Transaction
from schemas.errors import ConfigurationError, InvalidEvent, TemplateError
from schemas.experiments import CONTROL, IN_NAME, LARGEST_HOLDOUT, MOST_VARIANTS, Experiment, Variant


class Refused(InvalidEvent):
    """An experiment that cannot be begun or ended as it is; the text says why, and what helps."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody wants to try.  ``texts`` are the other wordings, by variant; weights default to 1.

    Of each wording, the texts by what they are: content, title or detail; what is missing is the template's.
    """

    name: str
    template: str | None
    texts: Mapping[str, Mapping[str, str]]
    weights: Mapping[str, float]
    holdout: float
    like: str | None


@dataclass(frozen=True, slots=True)
class Dealt:
    """How the users who are known would be dealt: everybody who ever wrote to a KF account."""

    people: int
    variants: Mapping[str, int]
    held_out: int


async def prepare(hands: Hands, plan: Plan, author: str, note: str) -> Experiment:
    """Make an experiment of a wish.

    Raises:
        ConfigurationError: a name, a weight or a share that cannot be.
        Refused: the template is not in force, a text cannot be used, or says what another one says.

    """
    _check(plan)
    rows = await hands.app.read(host.templates)
    base = _base(rows, plan.template, hands.rules.message_kind)
    salt = plan.name
    if plan.like:
        earlier = await hands.own.read(lambda tx: table.named(tx, plan.like or ""))
        if earlier is None:
            raise Refused(f"there is no experiment {plan.like!r} to deal like; see `kfpush experiment list`")
        salt = earlier.salt
    variants = [Variant(CONTROL, plan.weights.get(CONTROL, 1.0))]
    variants += [Variant(name, plan.weights.get(name, 1.0), **texts) for name, texts in plan.texts.items()]
    experiment = Experiment(
        plan.name, base.name, salt, tuple(variants), plan.holdout, hands.now(), author, note
    )
    try:
        made_ready(experiment, base)
    except TemplateError as error:
        raise Refused(str(error)) from None
    _distinct(experiment, base)
    return experiment


def _check(plan: Plan) -> None:
    for name in (plan.name, *plan.texts):
        if not IN_NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no name; write small letters, digits, ., _ and -")
    if CONTROL in plan.texts:
        raise ConfigurationError(f"{CONTROL!r} is the template itself; call the other wording something else")
    if not 1 <= len(plan.texts) < MOST_VARIANTS:
        raise ConfigurationError(f"give one to {MOST_VARIANTS - 1} other wordings: --variant NAME FILE")
    for name, weight in plan.weights.items():
        if name not in {CONTROL, *plan.texts}:
            raise ConfigurationError(f"--weight {name}: there is no such variant")
        if not 0 < weight <= 1000:  # noqa: PLR2004 - beyond it nobody would be left for the others
            raise ConfigurationError(f"--weight {name}: a weight is above 0 and at most 1000")
    if not 0 <= plan.holdout <= LARGEST_HOLDOUT:
        raise ConfigurationError(f"--holdout is 0 to {LARGEST_HOLDOUT:.0%} of all users")


def _base(rows: Sequence[Mapping[str, object]], wanted: str | None, kind: str) -> Source:
    """Find the template to vary: the one named, or that of single matches; it has to be in force."""
    found = in_force(rows, kind)
    bases = [languages[""] for languages in (found.single, found.text, found.digest) if "" in languages]
    sources = {source.name: source for source in bases}
    if wanted is None:
        return bases[0]
    if wanted not in sources:
        raise Refused(
            f"the template {wanted!r} is not in force, so nobody would read its variants; in force:"
            f" {', '.join(sources)}"
        )
    return sources[wanted]


def _distinct(experiment: Experiment, base: Source) -> None:
    seen: dict[str, str] = {}
    for variant in experiment.variants:
        same = seen.setdefault(source_of(variant, base).digest, variant.name)
        if same != variant.name:
            raise Refused(f"the variants {same!r} and {variant.name!r} say the same: nothing could differ")


async def deal(hands: Hands, experiment: Experiment) -> Dealt:
    """Tell how everybody who is known would be dealt."""
    users = await hands.app.read(host.known_users)
    variants: Counter[str] = Counter({variant.name: 0 for variant in experiment.variants})
    held_out = 0
    for user_id in users:
        if is_held_out(experiment.salt, user_id, experiment.holdout):
            held_out += 1
        else:
            variants[belongs_to(experiment, user_id)] += 1
    return Dealt(len(users), dict(variants), held_out)


async def begin(hands: Hands, experiment: Experiment) -> None:
    """Start it.

    Raises:
        Refused: the name was used before, or another experiment varies the same template.

    """

    def work(tx: Transaction) -> str | None:
        if not table.start(tx, experiment):
            earlier = table.named(tx, experiment.name)
            if earlier is not None:
                return f"the name {experiment.name!r} was used before: what was counted under it stays apart"
            [other] = [each for each in table.running(tx) if each.template == experiment.template]
            return f"the experiment {other.name!r} varies {other.template!r} already; stop it first"
        detail = {"experiment": experiment.name, "template": experiment.template}
        detail |= {"holdout": str(experiment.holdout)}
        act = Act(experiment.author, "experiment start", experiment.note, detail)
        audit.note(tx, act, len(experiment.variants), experiment.started_at)
        return None

    problem = await hands.own.exclusive(work)
    if problem is not None:
        raise Refused(problem)


async def end(hands: Hands, name: str, author: str, why: str) -> tuple[Experiment, bool]:
    """Stop it; tell how it stands, and whether this ended it.

    Raises:
        Refused: there is none of that name.

    """
    now: datetime = hands.now()

    def work(tx: Transaction) -> tuple[Experiment | None, bool]:
        is_ended = table.stop(tx, name, author, why, now)
        if is_ended:
            audit.note(tx, Act(author, "experiment stop", why, {"experiment": name}), 1, now)
        return table.named(tx, name), is_ended

    experiment, is_ended = await hands.own.exclusive(work)
    if experiment is None:
        raise Refused(f"there is no experiment {name!r}; see `kfpush experiment list`")
    return experiment, is_ended
