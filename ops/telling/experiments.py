"""Tells of experiments: what is tried out, on whom, and how people would be dealt.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import Text
from schemas.experiments import CONTROL, Experiment, Variant

NONE = Text("No experiment was ever started here.", "这里还没有开始过任何实验。")
HEADLINE = Text("{name}: template {template}, {state}", "{name}：模板 {template}，{state}")
RUNNING = Text(
    "running since {since}, started by {author}: {note}", "自 {since} 起进行中，由 {author} 开始：{note}"
)
ENDED = Text("{since} to {until}, stopped by {author}: {why}", "{since} 至 {until}，由 {author} 结束：{why}")
VARIANT = Text("{name}: {share} of the users", "{name}：{share} 的用户")
IS_TEMPLATE = Text(" (the template itself)", "（模板本身）")
WORDS = Text("{part}: {words}", "{part}：{words}")
HOLDOUT = Text("sent nothing while it runs: {share} of the users", "实验期间不发送任何消息：{share} 的用户")
WOULD_START = Text(
    "This would start {name} on template {template}; --yes does it.",
    "将在模板 {template} 上开始实验 {name}；加 --yes 执行。",
)
STARTED = Text(
    "Started {name} on template {template}. It cannot be changed; `kfpush experiment stop {name}` ends it, "
    "`kfpush report --experiment {name}` tells what comes of it.",
    "已在模板 {template} 上开始实验 {name}。实验不可更改；用 `kfpush experiment stop {name}` 结束，"
    "用 `kfpush report --experiment {name}` 查看结果。",
)
DEALT = Text("Of the {people} users known:", "已知的 {people} 名用户中：")
GETS = Text("{name}: {count}", "{name}：{count} 人")
SILENCED = Text(
    "{count} would be sent nothing at all while it runs: their matches are dropped.",
    "{count} 人在实验期间收不到任何消息：其匹配会被放弃。",
)
STOPPED = Text(
    "Stopped {name}: everybody reads the template from now on.", "已结束实验 {name}：所有人恢复使用模板。"
)
WAS_STOPPED = Text("{name} was stopped already.", "实验 {name} 此前已结束。")


def listed(experiments: Sequence[Experiment], teller: Teller) -> list[Said]:
    """Tell of experiments, a paragraph each."""
    if not experiments:
        return [Said(teller.say(NONE))]
    said: list[Said] = []
    for nth, experiment in enumerate(experiments):
        said += shown(experiment, teller, gap=nth > 0)
    return said


def shown(
    experiment: Experiment, teller: Teller, *, gap: bool = False, words: bool = False
) -> Iterator[Said]:
    """Tell of one; with ``words``, what its variants say."""
    facts = {"name": experiment.name, "template": experiment.template, "state": _state(experiment, teller)}
    tone = Tone.GOOD if experiment.is_running else Tone.QUIET
    yield Said(teller.say(HEADLINE, **facts), tone, gap=gap)
    total = sum(variant.weight for variant in experiment.variants)
    for variant in experiment.variants:
        share = f"{variant.weight / total * (1 - experiment.holdout):.1%}"
        text = teller.say(VARIANT, name=variant.name, share=share)
        yield Said(text + (teller.say(IS_TEMPLATE) if variant.name == CONTROL else ""), depth=1)
        if words:
            yield from _words(variant, teller)
    if experiment.holdout:
        yield Said(teller.say(HOLDOUT, share=f"{experiment.holdout:.1%}"), Tone.WAIT, depth=1)


def _words(variant: Variant, teller: Teller) -> Iterator[Said]:
    """Tell the texts that a variant has of its own, line by line."""
    for part, text in (("title", variant.title), ("content", variant.content), ("detail", variant.detail)):
        for nth, line in enumerate((text or "").splitlines()):
            said = f"- {teller.say(WORDS, part=part, words=line)}" if nth == 0 else f"  {line}"
            yield Said(said, Tone.QUIET, depth=1)


def started(
    experiment: Experiment,
    people: int,
    variants: Mapping[str, int],
    held_out: int,
    teller: Teller,
    *,
    is_dry_run: bool,
) -> Iterator[Said]:
    """Tell that it was, or would be, started, and how people are dealt."""
    text = WOULD_START if is_dry_run else STARTED
    yield Said(teller.say(text, name=experiment.name, template=experiment.template))
    yield Said(teller.say(DEALT, people=people), depth=1)
    for name, count in variants.items():
        yield Said("- " + teller.say(GETS, name=name, count=count), depth=1)
    if experiment.holdout:
        yield Said("- " + teller.say(SILENCED, count=held_out), Tone.BAD, depth=1)


def stopped(experiment: Experiment, teller: Teller, *, is_ended: bool) -> list[Said]:
    """Tell that it was stopped, by this act or before."""
    return [Said(teller.say(STOPPED if is_ended else WAS_STOPPED, name=experiment.name))]


def _state(experiment: Experiment, teller: Teller) -> str:
    if experiment.ended is None:
        facts = {"since": experiment.started_at, "author": experiment.author, "note": experiment.note}
        return teller.say(RUNNING, **facts)
    ended = experiment.ended
    return teller.say(ENDED, since=experiment.started_at, until=ended.at, author=ended.author, why=ended.why)
