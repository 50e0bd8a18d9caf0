"""Tells of the files that templates show.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ops.looking.shown import Shown, Stand
from ops.telling.facts import advice_text, code_text
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import Text

NONE = Text(
    "No template in force shows a file, and none was uploaded.",
    "正在使用的模板没有用到文件，也没有上传过文件。",
)
ALL_TEXT = Text(
    "KFPUSH_MESSAGE_KIND is text: no card is sent, whatever templates there are.",
    "KFPUSH_MESSAGE_KIND 为 text：无论有哪些模板，都不会发送卡片。",
)
READY = Text("with WeChat until {until}", "微信已收，有效至 {until}")
UPLOADING = Text("on its way up", "正在上传")
WAITING = Text(
    "not uploaded yet: a running consumer does it within seconds",
    "尚未上传：运行中的消费者会在数秒内上传",
)
FAILED = Text("the last upload came to nothing: {why}", "上次上传未成功：{why}")
UNUSABLE = Text("cannot be shown: {why}", "无法使用：{why}")
NOT_NEEDED = Text("shown by no template in force", "正在使用的模板不再用到")
FILE = Text("{file} ({type}, {size})", "{file}（{type}，{size}）")
FILE_UNKNOWN = Text("{file} ({type})", "{file}（{type}）")
TEXT_MEANWHILE = Text("Until then matches go as plain text.", "在此之前，匹配以纯文本发送。")

UPLOADED = Text("Uploaded: {file}, good until {until}.", "已上传：{file}，有效至 {until}。")
WAS_THERE = Text(
    "It is with WeChat already: {file}, good until {until}.", "微信已有该文件：{file}，有效至 {until}。"
)
OTHERS = Text(
    "Somebody else is uploading {file}, or has just failed to; look again in a minute.",
    "另一进程正在上传 {file}，或刚刚上传失败；请一分钟后再看。",
)
REFUSED = Text("It is not with WeChat: {why}", "未能上传：{why}")
DROPPED = Text(
    "Forgotten: {file}. If a template in force shows it, a running consumer uploads it again.",
    "已忘记：{file}。若正在使用的模板用到它，运行中的消费者会重新上传。",
)
NOT_KNOWN = Text("Nothing of that name is remembered: {name}.", "没有该名称的记录：{name}。")


def told(shown: Sequence[Shown], message_kind: str, teller: Teller) -> list[Said]:
    """Tell of each file in two lines: what it is, and how it stands."""
    said = [Said(teller.say(ALL_TEXT), Tone.QUIET)] if message_kind == "text" else []
    if not shown:
        return [*said, Said(teller.say(NONE))]
    for item in shown:
        tone = (
            Tone.BAD if item.stand.is_for_a_person else Tone.GOOD if item.stand is Stand.READY else Tone.WAIT
        )
        said.append(Said(_file(item, teller)))
        said.append(Said(stand_text(item, teller), tone, depth=1))
        if not item.is_needed:
            said.append(Said(teller.say(NOT_NEEDED), Tone.QUIET, depth=1))
    if any(item.is_needed and item.stand is not Stand.READY for item in shown):
        said.append(Said(teller.say(TEXT_MEANWHILE), gap=True))
    return said


def stand_text(item: Shown, teller: Teller) -> str:
    """Tell how a file stands, and why."""
    match item.stand:
        case Stand.READY:
            return teller.say(READY, until=item.expires_at)
        case Stand.UPLOADING:
            return teller.say(UPLOADING)
        case Stand.WAITING:
            return teller.say(WAITING)
        case Stand.FAILED:
            return teller.say(FAILED, why=why_text(item.errcode, item.problem, teller))
        case Stand.UNUSABLE:
            return teller.say(UNUSABLE, why=item.problem)


def why_text(errcode: int | None, cause: str | None, teller: Teller) -> str:
    """Tell why an upload came to nothing."""
    if errcode:
        return teller.sentences(code_text(errcode, teller), advice_text(errcode, teller))
    return cause or ""


def _file(item: Shown, teller: Teller) -> str:
    if item.bytes is None:
        return teller.say(FILE_UNKNOWN, file=item.file, type=item.type)
    size = f"{item.bytes / 1024:.0f} KB" if item.bytes >= 1024 else f"{item.bytes} B"  # noqa: PLR2004 - a KB
    return teller.say(FILE, file=item.file, type=item.type, size=size)
