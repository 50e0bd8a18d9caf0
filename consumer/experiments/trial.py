"""An experiment in force: each variant's wording ready to render, and whose it is.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from consumer.book import Assembled, Worded, Wording, worded
from consumer.experiments.assignment import Share, is_held_out, variant_of
from consumer.sources import Source
from schemas.errors import TemplateError
from schemas.experiments import Experiment, Variant


@dataclass(frozen=True, slots=True)
class Trial:
    """One experiment and its wordings, by variant."""

    experiment: Experiment
    wordings: Mapping[str, Wording]

    def wording_for(self, user_id: str) -> Wording:
        """Choose the wording of the variant that a user belongs to."""
        return self.wordings[belongs_to(self.experiment, user_id)]

    def holds_out(self, user_id: str) -> bool:
        """Whether a user is sent nothing while it runs."""
        return is_held_out(self.experiment.salt, user_id, self.experiment.holdout)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The experiments that are in force with their words, and what keeps others from it."""

    ready: Sequence[tuple[Experiment, Mapping[str, Worded]]]
    complaints: tuple[str, ...]


def prepared(running: Sequence[Experiment], templates: Assembled) -> Prepared:
    """Make experiments ready on the templates in force; one that cannot be is left out whole, or it lies."""
    found = (templates.single, templates.text, templates.digest)
    bases = {words[""].source.name: words[""].source for words in found if "" in words}
    ready: list[tuple[Experiment, Mapping[str, Worded]]] = []
    complaints: list[str] = []
    for experiment in running:
        base = bases.get(experiment.template)
        if base is None:
            complaints.append(
                f"experiment {experiment.name!r} varies the template {experiment.template!r}, which is not in"
                " force: it counts nothing. Switch the template on, or `kfpush experiment stop` it"
            )
            continue
        try:
            ready.append((experiment, made_ready(experiment, base)))
        except TemplateError as error:
            complaints.append(
                f"experiment {experiment.name!r}: {error}. Until it is mended everybody is told in the"
                " template's own words"
            )
    return Prepared(ready, tuple(complaints))


def belongs_to(experiment: Experiment, user_id: str) -> str:
    """Tell a user's variant; of one who is held out, that which would be theirs."""
    shares = [Share(each.name, each.weight) for each in experiment.variants]
    return variant_of(experiment.salt, user_id, shares)


def source_of(variant: Variant, base: Source) -> Source:
    """Write a variant as a template: the base, but for the texts that it has of its own."""
    own = {"content": variant.content, "title": variant.title, "detail": variant.detail}
    return replace(base, **{name: text for name, text in own.items() if text is not None})


def made_ready(experiment: Experiment, base: Source) -> dict[str, Worded]:
    """Make every variant's wording ready, by its name.

    Raises:
        TemplateError: naming the variant, and what is wrong with which text of it.

    """
    return dict(_ready(experiment, base))


def _ready(experiment: Experiment, base: Source) -> Iterator[tuple[str, Worded]]:
    for variant in experiment.variants:
        try:
            found = worded(source_of(variant, base))
        except TemplateError as error:
            raise TemplateError(f"variant {variant.name!r}: {error}") from None
        if found.complaints:  # its detail cannot be read: it would be told as the others are
            raise TemplateError(f"variant {variant.name!r}: {found.complaints[0]}")
        yield variant.name, found
