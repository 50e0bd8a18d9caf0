"""Tells how one user stands.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ops.looking.standing import UserStanding, Waiting
from ops.telling import habits
from ops.telling.facts import facts
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import DELIVERIES, Text, short
from schemas.preferences import BatchMode
from schemas.states import DeliveryStatus

HEADLINE = Text("User {user}", "用户 {user}")
UNKNOWN = Text(
    "Nothing is known of user {user}: no row of the application names them, and nothing waits.",
    "没有用户 {user} 的任何记录：应用的表中没有该用户，也没有等待的匹配。",
)
DECIDES = Text("What decides now", "当前的决定因素")
HOST = Text(
    "As the application has it (user_push_preferences; the application changes it)",
    "应用中的设置（user_push_preferences，由应用修改）",
)
OWN = Text("As kfpush has it (kfpush user set changes it)", "kfpush 中的设置（用 kfpush user set 修改）")
NO_ROW = Text("no row: the defaults hold", "没有记录：使用默认值")
VALUE = Text("{name}: {value}", "{name}：{value}")
UNSET = Text("not set", "未设置")
STOPPED = Text("stopped: nothing is sent to this user", "已停用：不向该用户发送任何消息")
DISABLED = Text("pushes are switched off by the application (enable_push)", "应用已关闭推送（enable_push）")
WAITS = Text("What waits", "等待中的匹配")
NOTHING = Text("nothing", "无")
COUNTED = Text("{status}: {count}, {why}", "{status}：{count} 个，{why}")
LOOKED_AT = Text("{counted}; looked at on {at}", "{counted}；{at} 检查")
ON_THE_WAY = Text("messages on their way: {count}", "发送途中的消息：{count} 条")
CHANGED = Text(
    "Changed. What waits for this user is decided anew at once.", "已更改。该用户等待中的匹配会立即重新决定。"
)
UNCHANGED = Text("That is how it was already.", "与原有设置相同，未更改。")
STAYS_DROPPED = Text(
    "Matches dropped while stopped stay dropped; kfpush replay or backfill takes them up again.",
    "停用期间放弃的匹配不会自动恢复；可用 kfpush replay 或 backfill 重新投递。",
)


def told(user: UserStanding, teller: Teller) -> list[Said]:
    """Tell everything about a user; of one that nobody knows, that."""
    if not user.is_known:
        return [Said(teller.say(UNKNOWN, user=user.user_id), Tone.BAD)]
    said = [Said(teller.say(HEADLINE, user=user.user_id), Tone.HEAD)]
    wishes = user.prospect.wishes
    if wishes is not None and wishes.stopped:
        said.append(Said(teller.say(STOPPED), Tone.BAD, depth=1))
    if wishes is not None and not wishes.enabled:
        said.append(Said(teller.say(DISABLED), Tone.BAD, depth=1))
    said.append(Said(teller.say(DECIDES), Tone.HEAD, gap=True))
    said += facts(user.prospect, user.now, teller)
    said.append(Said(teller.say(HOST), Tone.HEAD, gap=True))
    said += _row(user.host, teller)
    said.append(Said(teller.say(OWN), Tone.HEAD, gap=True))
    said += _row(user.own, teller)
    if user.summary is not None:
        said += habits.told_summary(user.summary, teller)
    if user.habits is not None:
        is_daily = wishes is not None and wishes.batch_mode == BatchMode.DAILY
        said += habits.told(user.habits, is_daily=is_daily, teller=teller)
    said.append(Said(teller.say(WAITS), Tone.HEAD, gap=True))
    said += [Said(_waiting(item, teller), depth=1) for item in user.waiting]
    if user.sending:
        said.append(Said(teller.say(ON_THE_WAY, count=user.sending), depth=1))
    if not user.waiting and not user.sending:
        said.append(Said(teller.say(NOTHING), depth=1))
    return said


def _row(row: Mapping[str, object] | None, teller: Teller) -> Iterator[Said]:
    if row is None:
        yield Said(teller.say(NO_ROW), depth=1)
        return
    for name, value in row.items():
        if name != "user_id":
            shown = teller.say(UNSET) if value is None or value == "" else value
            yield Said(teller.say(VALUE, name=name, value=shown), depth=1)


def _waiting(item: Waiting, teller: Teller) -> str:
    status = teller.say(DELIVERIES[DeliveryStatus(item.status)])
    why = short(item.reason, teller.language)
    counted = teller.say(COUNTED, status=status, count=item.count, why=why)
    if item.looks_at is None or item.status == DeliveryStatus.PARKED:
        return counted
    return teller.say(LOOKED_AT, counted=counted, at=item.looks_at)
