"""What every code of ours means, in English and Chinese: for people who ask why.  Pure.

A reason has two forms: ``short`` continues a sentence ("waits: ..."), ``full`` is one, and ends with what
moves the match on.  WeChat's own codes have theirs in ``consumer.wechat.errtable``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from schemas.decisions import Reason
from schemas.receipts import NotSentCause, RefusalKind
from schemas.states import DeliveryStatus, Entry, PauseScope, PushStatus

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages, perhaps with places for facts."""

    en: str
    zh: str

    def say(self, language: Language, **facts: object) -> str:
        """Say it in a language."""
        return (self.zh if language == "zh" else self.en).format(**facts)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reason means, as part of a sentence and as one."""

    short: Text
    full: Text


def language_of(environment: Mapping[str, str]) -> Language:
    """Tell the reader's language as every program does: LC_ALL, then LC_MESSAGES, then LANG."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, names), "").lower().startswith("zh") else "en"


def short(reason: str, language: Language) -> str:
    """Say why as part of a sentence; a reason of a newer kfpush stands for itself."""
    return REASONS[Reason(reason)].short.say(language) if reason in REASONS else reason


def full(reason: str, language: Language) -> str:
    """Say why as a sentence; a reason of a newer kfpush stands for itself."""
    return REASONS[Reason(reason)].full.say(language) if reason in REASONS else f"{reason}."


def _why(en: str, zh: str, full_en: str, full_zh: str) -> Meaning:
    return Meaning(Text(en, zh), Text(full_en, full_zh))


REASONS: Final[Mapping[Reason, Meaning]] = {
    Reason.FRESH: _why(
        "it is decided in the next round",
        "将在下一轮决定",
        "It has just arrived, or something about the user has changed: it is decided in the next round.",
        "它刚刚到达，或用户的情况刚有变化：将在下一轮决定。",
    ),
    Reason.RELEASED: _why(
        "the user has just spoken; it goes with what waited beside it",
        "用户刚刚发言，将与其他等待的匹配一起发送",
        "The user has just spoken. What waited for that is decided together, in a second or two.",
        "用户刚刚发言。等待此刻的匹配将在一两秒内一并决定。",
    ),
    Reason.ALONE: _why(
        "WeChat refused the message it shared; it goes by itself",
        "与其他匹配合并的消息被微信拒绝，将单独发送",
        "WeChat refused the message that it shared with others: in the next round it goes by itself.",
        "它与其他匹配合并的消息被微信拒绝：下一轮将单独发送。",
    ),
    Reason.KIND_REFUSED: _why(
        "WeChat refused this kind of message; it goes as plain text",
        "微信拒绝了该类型的消息，将以纯文本发送",
        "WeChat refused the kind of message that carried it (a card, a picture ...): in the next round it "
        "goes as plain text, in a message of its own.",
        "微信拒绝了承载它的消息类型（卡片、图片等）：下一轮将以纯文本另行发送。",
    ),
    Reason.MEDIA_LOST: _why(
        "its picture is uploaded again",
        "其图片正在重新上传",
        "WeChat did not know the file of its message (any more): the file is uploaded again, and the message "
        "made anew in a few seconds; as plain text, if that does not help.",
        "微信不再认得消息中的文件：正在重新上传，几秒后重新生成消息；若仍不行，则以纯文本发送。",
    ),
    Reason.EXPIRED: _why(
        "it has expired",
        "已过期",
        "It expired before it could go.",
        "在能够发送之前它已过期。",
    ),
    Reason.SUPERSEDED: _why(
        "a newer revision took its place",
        "已被新版本取代",
        "A newer revision of the same match took its place.",
        "同一匹配的新版本已取代它。",
    ),
    Reason.WITHDRAWN: _why(
        "it was withdrawn", "已被撤回", "The application withdrew the match.", "应用已撤回该匹配。"
    ),
    Reason.UNCHANGED: _why(
        "the user has it already, with nearly the same score",
        "用户已收到过，匹配度几乎未变",
        "An earlier revision was sent, and the score has moved by no more than 5 percent points since.",
        "较早的版本已经发送，此后匹配度变化不超过 5 个百分点。",
    ),
    Reason.STOPPED: _why(
        "the user has said stop",
        "用户已退订",
        "The user has asked for no more messages; kfpush keeps to that.",
        "用户已退订，kfpush 不再推送。",
    ),
    Reason.PUSH_DISABLED: _why(
        "the user has switched pushes off",
        "用户已关闭推送",
        "The user has pushes switched off (enable_push).",
        "用户已关闭推送（enable_push）。",
    ),
    Reason.BELOW_MIN_SCORE: _why(
        "its score is below the user's minimum",
        "匹配度低于用户设定的最低值",
        "Its score is below the least the user asks for (min_score).",
        "匹配度低于用户设定的最低值（min_score）。",
    ),
    Reason.HELD_OUT: _why(
        "an experiment holds the user out",
        "用户属于实验的对照空组",
        "An experiment sends this user nothing while it runs, to compare with those it does "
        "(`kfpush experiment list`). Afterwards `kfpush replay` takes such matches up again.",
        "某个实验在运行期间不向该用户发送任何消息，以便对比（见 `kfpush experiment list`）。"
        "实验结束后可用 `kfpush replay` 重新投递。",
    ),
    Reason.BLOCKED_CONTENT: _why(
        "a word in it is on the operator's list",
        "内容含有敏感词",
        "It says a word that the list in KFPUSH_SENSITIVE_WORDS blocks, so it is not sent.",
        "其内容含有 KFPUSH_SENSITIVE_WORDS 词表中禁止的词，因此不发送。",
    ),
    Reason.CLOSED: _why(
        "a person closed it for good",
        "已由人工关闭",
        "It was a dead letter, and a person closed it for good.",
        "它曾是死信，已由人工关闭，不再发送。",
    ),
    Reason.NO_SESSION: _why(
        "the user has never written",
        "用户还没有发过消息",
        "No conversation with this user is known. It goes once they write to a KF account.",
        "没有该用户的客服会话记录。用户给客服账号发消息后即可发送。",
    ),
    Reason.WINDOW_CLOSED: _why(
        "the user's last word is over 48 hours old; it goes when they write",
        "用户上次发消息已超过 48 小时，等用户再次发消息",
        "WeChat's 48 hours since the user's last word are over, or end before it may go. "
        "It goes when they write again; no clock helps.",
        "距用户上次发消息已超过 48 小时，或在可发送之前就会超过。用户再次发消息后发送，等待时间没有用。",
    ),
    Reason.NO_SLOT: _why(
        "no message left until the user writes",
        "窗口已用完，等用户再次发消息",
        "No message is left in this window. It goes when the user writes again; no clock helps.",
        "本窗口的消息条数已用完。用户再次发消息后发送，等待时间没有用。",
    ),
    Reason.HUMAN_SERVICER: _why(
        "a human servicer holds the conversation",
        "人工客服正在接待",
        "A human servicer, or the queue for one, holds the conversation. "
        "It goes when that has ended and the user writes.",
        "会话正由人工接待或在排队等待人工。接待结束、用户再次发消息后发送。",
    ),
    Reason.MUTED: _why(
        "the user does not take messages",
        "用户已拒收消息",
        "The user refuses messages from this KF account in WeChat. It goes when they write.",
        "用户在微信中拒收该客服账号的消息。用户再次发消息后发送。",
    ),
    Reason.SESSION_ENDED: _why(
        "a servicer ended the conversation; it goes when the user writes",
        "人工客服已结束会话，等用户再次发消息",
        "A servicer ended the conversation, and WeChat takes nothing more for it. "
        "It goes when the user writes again; no clock helps.",
        "人工客服已结束会话，微信不再接受该会话的消息。用户再次发消息后发送，等待时间没有用。",
    ),
    Reason.OLDER_IN_FLIGHT: _why(
        "an earlier revision is still on its way",
        "较早的版本仍在发送途中",
        "The message with an earlier revision of this match is still on its way. "
        "It is decided once that has ended.",
        "该匹配较早版本的消息仍在发送途中。其结束后再决定。",
    ),
    Reason.MORE: _why(
        "a message told the user that there is more",
        "已有消息告知用户还有更多",
        "The message with the others had no room for it and said so: it goes when the user asks for more, or "
        "writes anything. Where a message is left for it, that brings it after two hours at the earliest.",
        "合并的消息容纳不下它，并已告知用户：用户回复「更多」或任何消息后发送。若窗口还有剩余条数，最早两小时后另行发送。",
    ),
    Reason.NEEDS_UPGRADE: _why(
        "it needs a newer kfpush",
        "需要更新版本的 kfpush",
        "The event is of a newer version than this kfpush reads. It goes on after an upgrade.",
        "事件版本比当前 kfpush 更新。升级后继续。",
    ),
    Reason.QUIET_HOURS: _why(
        "the user's quiet hours",
        "用户的静默时间",
        "It is quiet time for the user. It goes when the quiet hours end.",
        "现在是用户的静默时间。结束后发送。",
    ),
    Reason.DAILY_LIMIT: _why(
        "the user's daily limit",
        "已达用户的每日上限",
        "The user has had as many messages today as they want (daily_limit). It goes on another day.",
        "用户今天收到的消息已达每日上限（daily_limit）。改日发送。",
    ),
    Reason.INTENT_LIMIT: _why(
        "the intent's daily limit",
        "已达该意图的每日上限",
        "The intent has had as many messages today as it may (max_push_per_day). It goes on another day.",
        "该意图今天的推送已达上限（max_push_per_day）。改日发送。",
    ),
    Reason.BATCH_MODE: _why(
        "the user wants them once a day",
        "用户选择每天接收一次",
        "The user wants matches at a time of day of their choice. It goes then.",
        "用户选择每天在固定时间接收。到时发送。",
    ),
    Reason.HELD: _why(
        "it waits to share a message with others",
        "等待与其他匹配合并发送",
        "WeChat grants five messages in 48 hours, so it waits to share one with others. It goes with the next"
        " message, or by itself when the time told here has come.",
        "微信 48 小时内只允许五条消息，它等待与其他匹配合并：随下一条消息发送，最迟在此处给出的时间发送。",
    ),
    Reason.KEPT: _why(
        "the window's last message is kept for a digest",
        "窗口的最后一条消息留作汇总",
        "One message is left in this window. It is kept for a digest of all that comes, shortly before the "
        "window closes; if the user writes, there are five again.",
        "本窗口只剩一条消息，留到窗口关闭前汇总发送。若用户再次发消息，则又有五条。",
    ),
    Reason.SPACED: _why(
        "a message went a short while ago",
        "不久前刚发过消息",
        "A message went a short while ago and was not answered. What comes meanwhile shares the next one, and"
        " the more go unanswered, the longer it takes. A word or a tap of the user's ends that.",
        "不久前刚发过消息，用户尚未回应。其间到达的匹配合并到下一条；未回应的越多，间隔越长。用户发言或点按后恢复。",
    ),
    Reason.SMOOTHED: _why(
        "the quiet hours have just ended, and people are told one after another",
        "静默时间刚结束，正在错峰发送",
        "The user's quiet hours have just ended. What waited for that goes within a quarter of an hour, to"
        " each person at another minute.",
        "用户的静默时间刚结束。等待此刻的匹配在一刻钟内错峰发送，每位用户的时间不同。",
    ),
    Reason.UNREADABLE_PREFERENCES: _why(
        "the user's preferences cannot be understood",
        "用户的偏好设置无法识别",
        "The user's preferences cannot be understood, and kfpush sends nothing on a guess. "
        "It looks again every hour.",
        "用户的偏好设置无法识别，kfpush 不会凭猜测发送。每小时重新检查一次。",
    ),
    Reason.THROTTLED: _why(
        "WeChat asks for a slower pace",
        "微信要求放慢发送",
        "WeChat asks for a slower pace. It goes on by itself.",
        "微信要求放慢发送。稍后自动继续。",
    ),
    Reason.PAUSED: _why(
        "sending is paused",
        "发送已暂停",
        "Sending is paused. It goes on when the pause ends.",
        "发送已暂停。暂停结束后继续。",
    ),
    Reason.UNDELIVERED: _why(
        "WeChat took the message and did not deliver it",
        "微信接受了消息但未送达",
        "WeChat took messages and said afterwards that it did not deliver them, for a reason that is not the "
        "user's. `kfpush explain` has WeChat's own word; it needs a person.",
        "微信接受了消息，事后又表示未送达，原因不在用户。`kfpush explain` 中有微信给出的原因，需要人工处理。",
    ),
    Reason.OUTAGE: _why(
        "WeChat cannot be reached",
        "无法连接微信",
        "WeChat does not answer, or gives no access token. kfpush probes until it does.",
        "微信没有应答，或未给出 access_token。kfpush 会不断试探直到恢复。",
    ),
    Reason.LATE: _why(
        "it was too late to leave; decided again",
        "错过发送时机，重新安排",
        "There was no time left for it to leave, so nothing was sent. It is decided again.",
        "已来不及在时限内发出，因此没有发送。将重新安排。",
    ),
    Reason.PLANNING_FAILED: _why(
        "kfpush itself failed to decide; tried again in an hour",
        "kfpush 自身出错，一小时后重试",
        "kfpush itself failed to decide about it; the log says how. It tries again in an hour.",
        "kfpush 自身在决策时出错，详见日志。一小时后重试。",
    ),
    Reason.OUTCOME_UNKNOWN: _why(
        "nobody could learn whether WeChat has it",
        "无法确认微信是否收到",
        "WeChat's answer was lost, so nobody knows whether it has the message.",
        "微信的应答丢失，无法确认它是否收到该消息。",
    ),
    Reason.CONTENT_REFUSED: _why(
        "WeChat refuses its content",
        "微信拒绝该内容",
        "WeChat refuses the message's content, which never changes. It needs a person.",
        "微信拒绝该消息的内容，而内容不会再变。需要人工处理。",
    ),
    Reason.RECIPIENT_REFUSED: _why(
        "WeChat refuses its recipient",
        "微信拒绝该接收人",
        "WeChat refuses the recipient. It needs a person.",
        "微信拒绝该接收人。需要人工处理。",
    ),
    Reason.UNCLASSIFIED: _why(
        "WeChat refuses it, for a reason we do not know",
        "微信以未知原因拒绝",
        "WeChat refuses it with a code that kfpush does not know. It needs a person.",
        "微信以 kfpush 未收录的错误码拒绝。需要人工处理。",
    ),
    Reason.UNREADABLE_EVENT: _why(
        "its event cannot be read",
        "事件无法解析",
        "The event cannot be read. It is kept whole, and needs a person.",
        "事件无法解析。已原样保留，需要人工处理。",
    ),
    Reason.POISON: _why(
        "whoever took it up died",
        "处理它的进程总是崩溃",
        "Again and again a consumer took it up and did not finish. It is kept whole, and needs a person.",
        "消费者多次取到它都没有处理完。已原样保留，需要人工处理。",
    ),
}

KINDS: Final[Mapping[RefusalKind, Text]] = {
    RefusalKind.WINDOW: Text("only the user's next word helps", "只有用户再次发消息才行"),
    RefusalKind.THROTTLED: Text("waiting helps", "等待即可"),
    RefusalKind.CORP_CONFIG: Text("the corp's configuration needs a person", "企业配置需要人工处理"),
    RefusalKind.ACCOUNT_CONFIG: Text(
        "the KF account's configuration needs a person", "客服账号配置需要人工处理"
    ),
    RefusalKind.KIND: Text(
        "this kind of message is not taken; it goes as plain text", "该类型的消息不被接受，改以纯文本发送"
    ),
    RefusalKind.CONTENT: Text("this content will never be taken", "该内容永远不会被接受"),
    RefusalKind.RECIPIENT: Text("this recipient will never be taken", "该接收人永远不会被接受"),
    RefusalKind.UNCLASSIFIED: Text("kfpush does not know this code", "kfpush 未收录该错误码"),
}

CAUSES: Final[Mapping[NotSentCause, Text]] = {
    NotSentCause.LATE: Text("there was no time left for it to leave", "已来不及在时限内发出"),
    NotSentCause.NO_TOKEN: Text("WeChat gave no access token", "微信未给出 access_token"),
}

ENTRIES: Final[Mapping[Entry, Text]] = {
    Entry.DEFERRED: Text("put off", "推迟"),
    Entry.PARKED: Text("parked", "搁置"),
    Entry.DROPPED: Text("dropped", "不再发送"),
    Entry.DEAD: Text("dead letter", "成为死信"),
    Entry.REFUSED: Text("refused", "被拒绝"),
    Entry.NOT_SENT: Text("not sent", "未发出"),
    Entry.UNKNOWN: Text("no answer", "没有应答"),
    Entry.GIVEN_UP: Text("given up", "放弃"),
    Entry.FAILED: Text("not delivered", "未送达"),
    Entry.RECALLED: Text("recalled", "已撤回"),
    Entry.URGENT: Text("went urgently", "加急发送"),
    Entry.PERSON: Text("a person's act", "人工操作"),
}

ACTS: Final[Mapping[str, Text]] = {
    "redrive": Text("{author} took the dead letter up again", "{author} 重新投递了这封死信"),
    "resend": Text(
        "{author} let it be sent again, although it may have been seen",
        "{author} 明知可能已送达仍要求重新发送",
    ),
    "replay": Text("{author} let it come again from the stream", "{author} 从消息流中重新投递了它"),
    "backfill": Text("{author} let it come again from the outbox", "{author} 从发件箱重新投递了它"),
    "drop": Text("{author} closed the dead letter for good", "{author} 关闭了这封死信"),
}
"""A person's acts on a match, as the timeline holds them."""

DELIVERIES: Final[Mapping[DeliveryStatus, Text]] = {
    DeliveryStatus.WAITING: Text("waiting", "等待中"),
    DeliveryStatus.PARKED: Text("parked", "搁置中"),
    DeliveryStatus.SENDING: Text("sending", "发送中"),
    DeliveryStatus.SENT: Text("sent", "已发送"),
    DeliveryStatus.DROPPED: Text("dropped", "不再发送"),
    DeliveryStatus.DEAD: Text("dead letter", "死信"),
}

PUSHES: Final[Mapping[PushStatus, Text]] = {
    PushStatus.SENDING: Text("on its way", "发送途中"),
    PushStatus.UNKNOWN: Text("outcome unknown", "结果未知"),
    PushStatus.GIVEN_UP: Text("given up", "已放弃"),
    PushStatus.SENT: Text("accepted", "已被接受"),
    PushStatus.FAILED: Text("failed afterwards", "事后失败"),
    PushStatus.RECALLED: Text("recalled", "已撤回"),
    PushStatus.REFUSED: Text("refused", "被拒绝"),
    PushStatus.NOT_SENT: Text("not sent", "未发出"),
}

SCOPES: Final[Mapping[PauseScope, Text]] = {
    PauseScope.CORP: Text("the whole corp", "整个企业"),
    PauseScope.ACCOUNT: Text("KF account {target}", "客服账号 {target}"),
    PauseScope.KIND: Text("pushes of the kind {target}", "{target} 类推送"),
    PauseScope.MSGTYPE: Text(
        "messages of the type {target} (sent as plain text meanwhile)",
        "{target} 类型的消息（期间以纯文本发送）",
    ),
}
