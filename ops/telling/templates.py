"""Tells of templates: what is in force, what is wrong with it, and what a phone shows.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from consumer.sources import TEXT
from ops.looking.lint import Code, Finding, Linted, State
from ops.looking.shelf import Part, Preview, Shelf, Version
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import Text

STATES: Final[Mapping[State, Text]] = {
    State.IN_FORCE: Text("in force", "使用中"),
    State.TRANSLATION: Text("in force for readers of {locale}", "用于 {locale} 用户"),
    State.OVERSHADOWED: Text("never used: a newer one is", "未使用：有更新的模板"),
    State.INACTIVE: Text("switched off", "已停用"),
    State.UNUSED: Text("not used", "未使用"),
    State.GIVEN: Text("a file", "文件"),
}
FINDINGS: Final[Mapping[Code, Text]] = {
    Code.UNREADABLE: Text(
        "cannot be used, and something else goes out instead: {why}", "无法使用，已由其他文字代替：{why}"
    ),
    Code.BAD_DETAIL: Text("{why}", "{why}"),
    Code.UNKNOWN_TYPE: Text(
        "there is no template_type {kind!r}; the types are {kinds}",
        "没有 template_type {kind!r}；可用的类型：{kinds}",
    ),
    Code.BLANK: Text(
        "content_template is blank: there is nothing to send", "content_template 为空，没有可发送的内容"
    ),
    Code.TOO_LONG: Text(
        "{part}: {bytes} bytes of fixed words, and only {limit} are shown: shorten them",
        "{part}：固定文字占 {bytes} 字节，最多显示 {limit} 字节，请缩短",
    ),
    Code.MISSING_FILE: Text(
        "{path} is not in the media folder: plain text goes out instead",
        "媒体目录中没有 {path}：将改发纯文本",
    ),
    Code.BLOCKED: Text(
        "it says itself what KFPUSH_SENSITIVE_WORDS blocks ({category}): the word goes out as ＊",
        "模板本身含有 KFPUSH_SENSITIVE_WORDS 禁止的词（{category}）：该词会显示为 ＊",
    ),
    Code.CUT: Text(
        "{part}: {bytes} bytes with a typical match, and only {limit} are shown: its end is cut",
        "{part}：一般的匹配需要 {bytes} 字节，最多显示 {limit} 字节：末尾会被截断",
    ),
    Code.NO_ANSWER: Text(
        "it does not say how to answer: readers learn of 查看1 from nothing else",
        "没有告诉用户如何回复：用户不会知道可以回复「查看1」",
    ),
    Code.NO_HTML: Text(
        "pagepath {pagepath!r}: WeChat wants .html behind the page's path (pages/match.html?id=17)",
        "pagepath {pagepath!r}：微信要求页面路径以 .html 为后缀（如 pages/match.html?id=17）",
    ),
    Code.MASKED: Text(
        "it says itself what KFPUSH_SENSITIVE_WORDS masks in matches",
        "模板本身含有 KFPUSH_SENSITIVE_WORDS 要求遮盖的词",
    ),
    Code.NO_COUNT: Text(
        "title_template does not say {{count}}: how many matches there are",
        "title_template 中没有 {{count}}（匹配数量）",
    ),
    Code.NO_BASE: Text(
        "it is named like a translation, and there is no template {base!r}: it is a template of its own",
        "名称像是译文，但没有模板 {base!r}：它被当作独立的模板",
    ),
    Code.BASE_IS_OFF: Text("what it translates, {base!r}, is switched off", "它所翻译的模板 {base!r} 已停用"),
    Code.OVERSHADOWED: Text(
        "it is switched on and never used: of a type, the row with the highest id is",
        "已启用但不会使用：同一类型只使用 id 最大的一行",
    ),
    Code.INACTIVE: Text("it is switched off (is_active)", "已停用（is_active）"),
}
LEVELS: Final = {"error": Text("error", "错误"), "warning": Text("warning", "警告")}

TEMPLATE = Text("{name}  {kind}  {state}", "{name}  {kind}  {state}")
FOUND = Text("{level}: {what}", "{level}：{what}")
GOOD = Text("nothing to mend", "没有问题")
SIZE = Text(
    "{part}: {typical} of {limit} bytes with a typical match, {worst} at worst",
    "{part}：一般的匹配占 {typical} / {limit} 字节，最多 {worst} 字节",
)
SIZE_CUT = Text(
    "{part}: {typical} of {limit} bytes with a typical match; the longest are cut to fit",
    "{part}：一般的匹配占 {typical} / {limit} 字节；过长的内容会被截断",
)
COUNTED = Text("Errors: {errors}, warnings: {warnings}", "错误 {errors} 个，警告 {warnings} 个")
VERSION = Text(
    "version {version}, first used {at}: {pushes} messages", "第 {version} 版，首次使用 {at}：{pushes} 条消息"
)
NEVER = Text("not used yet", "尚未使用")
AMONG = Text("Messages are counted among the latest {count}.", "消息数按最近 {count} 条统计。")
NO_TEXT = Text(
    "No text of push_templates is switched on: the built-in one is in force.",
    "push_templates 中没有启用的文字模板：使用内置文字。",
)

PREVIEWED = Text("{name}, {kind}", "{name}，{kind}")
PREVIEWED_LOCALE = Text("{name}, {kind}, for readers of {locale}", "{name}，{kind}，用于 {locale} 用户")
USED = Text("{part}: {bytes} of {limit} bytes", "{part}：{bytes} / {limit} 字节")
BLOCKED = Text(
    "It would not be sent: it says a word that KFPUSH_SENSITIVE_WORDS blocks ({category}).",
    "不会发送：含有 KFPUSH_SENSITIVE_WORDS 禁止的词（{category}）。",
)
HIDDEN = Text("Something of the match is hidden in it.", "匹配中的部分内容已遮盖。")
ANSWER = Text("Answer to 查看1:", "回复「查看1」后收到：")
NO_TEMPLATE = Text("There is no template {name!r}; there are: {names}", "没有模板 {name!r}；现有：{names}")
NO_MATCH = Text("The ledger knows no match {match!r} that still holds.", "没有找到有效的匹配 {match!r}。")


def told_lint(linted: Sequence[Linted], words: Sequence[str], teller: Teller) -> list[Said]:
    """Tell what was found, template by template, and how much of it there is.

    ``words`` are complaints about the list of words.
    """
    said: list[Said] = []
    for item in linted:
        said.append(Said(_headline(item, teller), Tone.HEAD, gap=bool(said)))
        said += [_finding(finding, teller) for finding in item.findings]
        if not item.findings:
            said.append(Said(teller.say(GOOD), Tone.GOOD, depth=1))
        for size in item.sizes:
            text = SIZE if size.worst <= size.limit else SIZE_CUT
            facts = {"part": size.part, "typical": size.typical, "worst": size.worst, "limit": size.limit}
            said.append(Said(teller.say(text, **facts), Tone.QUIET, depth=1))
    errors = sum(finding.level == "error" for item in linted for finding in item.findings)
    warnings = sum(len(item.findings) for item in linted) - errors + len(words)
    level = teller.say(LEVELS["warning"])
    for nth, complaint in enumerate(words):
        said.append(Said(teller.say(FOUND, level=level, what=complaint), Tone.WAIT, gap=nth == 0))
    tone = Tone.BAD if errors else Tone.WAIT if warnings else Tone.GOOD
    said.append(Said(teller.say(COUNTED, errors=errors, warnings=warnings), tone, gap=True))
    return said


def _headline(item: Linted, teller: Teller) -> str:
    state = teller.say(STATES[item.state], locale=item.locale)
    return teller.say(TEMPLATE, name=item.name, kind=item.kind or "-", state=state)


def _finding(finding: Finding, teller: Teller) -> Said:
    what = teller.say(FINDINGS[finding.code], **finding.facts)
    tone = Tone.BAD if finding.level == "error" else Tone.WAIT
    return Said(teller.say(FOUND, level=teller.say(LEVELS[finding.level]), what=what), tone, depth=1)


def told_list(shelf: Shelf, linted: Sequence[Linted], teller: Teller) -> list[Said]:
    """Tell what there is: each template with its versions, and those that only versions are left of."""
    said: list[Said] = []
    by_name: dict[str, list[Version]] = {}
    for version in shelf.versions:
        by_name.setdefault(version.name, []).append(version)
    for item in linted:
        is_used = item.state in {State.IN_FORCE, State.TRANSLATION}
        said.append(Said(_headline(item, teller), Tone.GOOD if is_used else Tone.QUIET, gap=bool(said)))
        said += [Said(line, Tone.QUIET, depth=1) for line in item.content.strip().splitlines()[:1]]
        said += [_finding(finding, teller) for finding in item.findings if finding.level == "error"]
        said += _versions(by_name.pop(item.name, []), teller, is_used=is_used)
    for name, versions in by_name.items():
        said.append(Said(name, Tone.HEAD, gap=bool(said)))
        said += _versions(versions, teller, is_used=False)
    if not any(item.state is State.IN_FORCE and item.kind == TEXT for item in linted):
        said.append(Said(teller.say(NO_TEXT), Tone.GOOD, gap=bool(said)))
    said.append(Said(teller.say(AMONG, count=shelf.counted), Tone.QUIET, gap=True))
    return said


def _versions(versions: Sequence[Version], teller: Teller, *, is_used: bool) -> Iterator[Said]:
    for version in reversed(versions):
        facts = {"version": version.version, "at": version.first_used_at, "pushes": version.pushes}
        yield Said(teller.say(VERSION, **facts), depth=1)
    if is_used and not versions:
        yield Said(teller.say(NEVER), depth=1)


def told_preview(preview: Preview, teller: Teller) -> list[Said]:
    """Tell what stands above the message itself."""
    text = PREVIEWED_LOCALE if preview.locale else PREVIEWED
    name = teller.say(text, name=preview.name, kind=preview.kind, locale=preview.locale)
    said = [Said(name, Tone.HEAD)]
    if preview.blocked:
        said.append(Said(teller.say(BLOCKED, category=preview.blocked), Tone.BAD, depth=1))
    if preview.is_hidden:
        said.append(Said(teller.say(HIDDEN), Tone.WAIT, depth=1))
    return said


def told_sizes(parts: Sequence[Part], teller: Teller) -> list[Said]:
    """Tell how much of WeChat's limits a message uses."""
    return [
        Said(teller.say(USED, part=part.name, bytes=part.bytes, limit=part.limit), Tone.QUIET)
        for part in parts
        if part.limit is not None
    ]
