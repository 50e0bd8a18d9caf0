"""Tells what became, or would become, of a test message.  Pure."""

from __future__ import annotations

from datetime import datetime

from consumer.wechat.errcodes import REPEATED_MSGID
from ops.looking.journey import Prospect
from ops.telling import texts
from ops.telling.facts import advice_text, code_text, facts
from ops.telling.said import Said, Teller, Tone
from ops.telling.sentences import CAUSES, Text, full
from schemas.receipts import Accepted, NotSent, Receipt, Refused, Unknown

WOULD_GO = Text(
    "It would go now, to KF account {account}, and take one of the messages left in this window.",
    "现在即可发送（客服账号 {account}），会占用本窗口的一条消息。",
)
DOES_NOT_GO = Text("It is not sent. {why}", "未发送。{why}")
FROM = Text("It may go from {at}.", "最早可在 {at} 发送。")
ACCEPTED = Text(
    "WeChat accepted it: push {id}, on KF account {account}. Look at the phone; WeChat never says whether it "
    "was seen.",
    "微信已接受：推送 {id}，客服账号 {account}。请查看手机；微信不会告知是否看到。",
)
REPEATED = Text("WeChat says it had this message already ({code}).", "微信表示此前已有这条消息（{code}）。")
REFUSED = Text("WeChat refused it: {why}", "微信拒绝了它：{why}")
NOT_SENT = Text("Nothing was sent: {why}.", "没有发出：{why}。")
UNKNOWN = Text(
    "No usable answer ({why}): nobody knows whether WeChat has it. A running consumer offers the same "
    "message again for ten minutes; it cannot appear twice.",
    "没有可用的应答（{why}）：无法确认微信是否收到。运行中的消费者会在十分钟内再次提交同一消息，不会重复出现。",
)
BEFORE = Text(
    "A message with this key was sent before; nothing was sent. Another --key makes another message.",
    "使用该 key 的消息此前已发送过，本次未发送。换一个 --key 即为新消息。",
)


def told_receipt(push_id: int, account: str, receipt: Receipt, teller: Teller) -> list[Said]:
    """Tell what WeChat answered."""
    match receipt:
        case Accepted(repeated):
            said = teller.say(ACCEPTED, id=push_id, account=account)
            repeat = [Said(teller.say(REPEATED, code=REPEATED_MSGID), Tone.WAIT)] if repeated else []
            return [Said(said, Tone.GOOD), *repeat]
        case Refused(code):
            why = teller.sentences(code_text(code, teller), advice_text(code, teller))
            return [Said(teller.say(REFUSED, why=why), Tone.BAD)]
        case NotSent(cause, code):
            why = teller.say(CAUSES[cause])
            more = [code_text(code, teller), advice_text(code, teller)] if code else []
            return [Said(teller.sentences(teller.say(NOT_SENT, why=why), *more), Tone.BAD)]
        case Unknown(cause):
            return [Said(teller.say(UNKNOWN, why=cause), Tone.WAIT)]


def told_outlook(prospect: Prospect, now: datetime, teller: Teller) -> list[Said]:
    """Tell what would be decided now, and by what."""
    if prospect.decision == "send":
        said = [Said(teller.say(WOULD_GO, account=prospect.open_kfid), Tone.GOOD)]
    else:
        why = full(prospect.reason, teller.language) if prospect.reason else ""
        may = teller.say(FROM, at=prospect.may_go_from) if prospect.may_go_from else ""
        said = [Said(teller.sentences(teller.say(DOES_NOT_GO, why=why), may), Tone.BAD)]
    said.append(Said(teller.say(texts.WHAT_DECIDES), Tone.HEAD, gap=True))
    return said + list(facts(prospect, now, teller))
