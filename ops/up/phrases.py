"""What `kfpush up` says, in Chinese and in English: the same keys, the same facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ops.telling.sentences import Language, short


class Phrases:
    """The phrases of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def say(self, key: str, **facts: object) -> str:
        """One phrase with its facts."""
        return PHRASES[self._language][key].format(**facts)

    def reason(self, reason: str) -> str:
        """Why a match did not go (yet), as part of a sentence."""
        return short(reason, self._language)


_EN: Final = {
    "title": "Everything runs in this terminal; Ctrl-C stops all of it.",
    "phone": "  phone page   {url}   read the pushes there, and answer them",
    "sandbox": "  WeChat       the sandbox, for want of WEWORK_CORP_ID: no message leaves this machine",
    "wechat": "  WeChat       {url} as {corp}: messages go to real people",
    "callback": "  callback     {url}",
    "no_callback": "  callback     none, for want of WEWORK_TOKEN and WEWORK_AES_KEY: words are polled for",
    "database": "  database     {path}",
    "application": "  application  {path}",
    "redis": "  Redis        {url}",
    "valkey": "  Redis        an embedded Valkey in {path}",
    "log": "  log          {path}",
    "port_taken": "Another program has port {wanted}, so the phone page is on {port} this time.",
    "clock_ahead": "The sandbox's clock goes on from where it was: {now}.",
    "real_database": "The database is a real application's ({table}), so no sample matches are invented.",
    "sample": (
        "A sample application runs beside it. Its {matches} matches for {name} ({phone}) wait:\n"
        "WeChat lets nothing be sent before the user writes. On the phone page, as {name}, try\n"
        "  你好      what waited arrives as one message\n"
        "  查看1     the details of its first match\n"
        "  退订      nothing more comes, until 恢复\n"
        "and jump the clock by 49 hours: the window closes, and the next match waits for the next word."
    ),
    "listening": "What users say on the phone page reaches kfpush as from WeChat; wechat_kf_sessions too.",
    "try_publish": "Matches of your own: `{kfpush} publish FILE`, one JSON object a line.",
    "try_explain": "           try `{kfpush} explain {match}` in another terminal",
    "try_answer": (
        "           try `{kfpush} explain {match}` in another terminal,\n"
        "           then write as {name} on the phone page: it goes"
    ),
    "user": "the user",
    "spoke": "{name} wrote: the window is open for 48 hours and five messages",
    "tapped": "{name} tapped on a menu item",
    "sent": "match {match} → sent to {name} ({left} left in the window)",
    "sent_together": "matches {match} → sent to {name} as one message ({left} left in the window)",
    "answered": "{name} was answered",
    "summed_up": "Daily summary → {name}",
    "sent_before": "match {match} → sent to {name}",
    "sent_last": "match {match} → sent to {name} (none left in the window)",
    "waiting": "match {match} waits until {until}: {reason}",
    "parked": "match {match} waits: {reason}",
    "unknown": "match {match}: WeChat's answer was lost; it is offered again, and shows once",
    "failed": "match {match}: WeChat had taken it, and now says that it was not delivered: {reason}",
    "dropped": "match {match} is not sent: {reason}",
    "dead": "match {match} needs a person: {reason}{code}",
    "code": " (WeChat's code {code})",
    "more": "... and {n} more: {numbers}",
    "sent_n": "{n} sent",
    "held_n": "{n} waiting",
    "ended_n": "{n} not sent",
    "paused": "WeChat refuses (code {code}): sending pauses, and probes until it works again",
    "resumed": "WeChat answers again: sending goes on",
    "kind_paused": "WeChat refuses {kind} messages (code {code}): matches go as plain text meanwhile",
    "kind_resumed": "WeChat takes {kind} messages again",
    "stopping": "Stopping: what is on its way is awaited; Ctrl-C again stops at once.",
    "at_once": "Stopped at once. Nothing is lost: what was on its way is offered again at the next start.",
    "stopped": "Stopped; `{kfpush} up` goes on from here.",
    "demo": "A demo: six invented people and a WeChat of its own, in a folder that goes afterwards.",
    "evening": "It is 23:30 in Shanghai, and matches come up for all of them.",
    "morning": "The night passes: it is 08:15, and {name} writes.",
    "who": "who",
    "case": "what is special",
    "found": "what became of it",
    "instead": "{found} instead of {expected}",
    "case_plain": "has just written",
    "case_quiet": "has quiet hours 22:00-08:00",
    "case_closed": "last wrote three days ago",
    "case_score": "wants 90 %, the match has 72 %",
    "case_six": "six matches in her quiet hours",
    "case_together": "08:15, six matches: one message",
    "case_lost": "WeChat took it and cut the line",
    "case_morning": "08:15, the quiet hours are over",
    "case_writes": "08:15, has written: what waited",
    "everybody": "all",
    "case_all": "all phones together",
    "on_phones": "{n} messages",
    "arrives": "{n} on the phone",
    "lost_answers": "{n} on the phone, offered {tries} times",
    "nothing": "not in the ledger",
    "as_it_should": "All as it should be, in {seconds:.0f} s.",
    "differs": "{n} of {of} are not as they should be.",
    "interrupted": "Interrupted; nothing is left behind.",
}

_ZH: Final = {
    "title": "全部运行在这个终端里；按 Ctrl-C 全部停止。",
    "phone": "  手机页面   {url}   在这里查看推送，并以用户身份回复",
    "sandbox": "  微信       沙盒（未设置 WEWORK_CORP_ID）：消息不会离开本机",
    "wechat": "  微信       {url}，企业 {corp}：消息会发给真实用户",
    "callback": "  回调       {url}",
    "no_callback": "  回调       无（未设置 WEWORK_TOKEN 和 WEWORK_AES_KEY）：改为定时拉取用户消息",
    "database": "  数据库     {path}",
    "application": "  业务库     {path}",
    "redis": "  Redis      {url}",
    "valkey": "  Redis      内置 Valkey，位于 {path}",
    "log": "  日志       {path}",
    "port_taken": "端口 {wanted} 已被其他程序占用，这次手机页面使用端口 {port}。",
    "clock_ahead": "沙盒时钟从上次停下的地方继续：{now}。",
    "real_database": "数据库属于真实应用（有 {table}），因此不会写入示例匹配。",
    "sample": (
        "旁边运行着一个示例应用，为{name}（{phone}）找到 {matches} 个匹配，它们都在等待：\n"
        "用户自己发来消息之前，微信不允许推送。请在手机页面以{name}的身份试试\n"
        "  你好      等待的匹配合成一条消息送达\n"
        "  查看1     查看其中第一个的详情\n"
        "  退订      不再收到推送，直到说「恢复」\n"
        "再把时钟快进 49 小时：窗口关闭，下一个匹配等到用户再说一句才发出。"
    ),
    "listening": "手机页面上用户说的话，会像来自微信一样到达 kfpush，并写入 wechat_kf_sessions。",
    "try_publish": "推送你自己的匹配：`{kfpush} publish 文件`，每行一个 JSON 对象。",
    "try_explain": "           试试在另一个终端运行 `{kfpush} explain {match}`",
    "try_answer": (
        "           试试在另一个终端运行 `{kfpush} explain {match}`，\n"
        "           再到手机页面以 {name} 的身份说句话：它就会发出"
    ),
    "user": "用户",
    "spoke": "{name} 发来消息：窗口打开，48 小时内可推送五条",
    "tapped": "{name} 点击了菜单",
    "sent": "匹配 {match} → 已推送给 {name}（窗口还剩 {left} 条）",
    "sent_together": "匹配 {match} → 合成一条消息推送给 {name}（窗口还剩 {left} 条）",
    "answered": "已回复 {name}",
    "summed_up": "每日小结 → {name}",
    "sent_before": "匹配 {match} → 已推送给 {name}",
    "sent_last": "匹配 {match} → 已推送给 {name}（窗口已用完）",
    "waiting": "匹配 {match} 等到 {until}：{reason}",
    "parked": "匹配 {match} 等待：{reason}",
    "unknown": "匹配 {match}：微信的应答丢失；会重试，且只会出现一次",
    "failed": "匹配 {match}：微信已收下，之后又说没有送达：{reason}",
    "dropped": "匹配 {match} 不推送：{reason}",
    "dead": "匹配 {match} 需要人工处理：{reason}{code}",
    "code": "（微信错误码 {code}）",
    "more": "…… 还有 {n} 个：{numbers}",
    "sent_n": "{n} 个已推送",
    "held_n": "{n} 个等待",
    "ended_n": "{n} 个不推送",
    "paused": "微信拒绝（错误码 {code}）：暂停发送，并不断试探直到恢复",
    "resumed": "微信恢复应答：继续发送",
    "kind_paused": "微信拒绝 {kind} 类型的消息（错误码 {code}）：期间匹配以纯文本发送",
    "kind_resumed": "微信重新接受 {kind} 类型的消息",
    "stopping": "正在停止：等待途中的消息得到应答；再按一次 Ctrl-C 立即停止。",
    "at_once": "已立即停止。没有丢失：途中的消息下次启动时会再次发送。",
    "stopped": "已停止；再次运行 `{kfpush} up` 会从这里继续。",
    "demo": "演示：六位虚构用户，一个独立的微信沙盒，所用文件夹事后删除。",
    "evening": "上海时间 23:30，每个人都有了匹配。",
    "morning": "一夜过去：08:15，{name} 发来消息。",
    "who": "用户",
    "case": "情况",
    "found": "结果",
    "instead": "{found}，应为 {expected}",
    "case_plain": "刚刚发过消息",
    "case_quiet": "静默时间 22:00-08:00",
    "case_closed": "三天前最后一次发消息",
    "case_score": "只要 90% 以上，匹配为 72%",
    "case_six": "静默时间内有六个匹配",
    "case_together": "08:15，六个匹配：一条消息",
    "case_lost": "微信收下消息后断开连接",
    "case_morning": "08:15，静默时间结束",
    "case_writes": "08:15，发来消息：此前等待的匹配",
    "everybody": "全部",
    "case_all": "所有手机合计",
    "on_phones": "{n} 条消息",
    "arrives": "手机上 {n} 条",
    "lost_answers": "手机上 {n} 条，发出 {tries} 次",
    "nothing": "账本里没有",
    "as_it_should": "全部符合预期，用时 {seconds:.0f} 秒。",
    "differs": "{of} 项中有 {n} 项不符合预期。",
    "interrupted": "已中断；没有留下任何东西。",
}

PHRASES: Final[Mapping[Language, Mapping[str, str]]] = {"en": _EN, "zh": _ZH}
