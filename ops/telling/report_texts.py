"""The phrases of a report, in both languages.  Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ops.reporting.verdict import Verdict
from ops.telling.sentences import Text
from schemas.opens import Proxy

PROXIES: Final[Mapping[Proxy, Text]] = {
    Proxy.VIEWED: Text("asked for details (查看)", "回复查看"),
    Proxy.TAPPED: Text("tapped a menu item", "点击菜单"),
    Proxy.MINIPROGRAM: Text("page opened, as reported", "应用上报已打开页面"),
    Proxy.REPLIED: Text("wrote within {minutes:g} min", "{minutes:g} 分钟内回复"),
}
"""``minutes`` is how soon counts."""

DRAWN: Final[Mapping[str, Text]] = {
    "title": Text("Messages from {since} to {until}", "{since} 至 {until} 的消息"),
    "tried": Text("planned", "已安排"),
    "taken": Text("accepted by WeChat", "微信已接受"),
    "delivered": Text("delivered, as far as known", "已送达（就目前所知）"),
    "opened": Text("opened, by any proxy", "打开（任一代理指标）"),
    "rates": Text(
        "Opened, by any proxy, of what was delivered (95 % intervals)",
        "打开率：任一代理指标 / 已送达（95% 区间）",
    ),
    "all": Text("all", "全部"),
}

# The head.
TITLE = Text("Messages reserved from {since} until {until}", "{since} 至 {until} 安排的消息")
ONLY_TEMPLATE = Text("Only of template {name}", "仅模板 {name}")
NO_RECEIPT = Text(
    'WeChat has no read receipt. "Opened" means: somebody did what one who has not seen the message would '
    "not do, and each line says what. Who reads and does nothing is never counted.",
    "微信没有已读回执。“打开”指用户做了未看到消息就不会做的事，每行都注明依据。只看不做的用户不会被计入。",
)
NOTHING = Text("Nothing was reserved in that time.", "该时间段内没有安排任何消息。")

# The funnel.
MATCHES = Text(
    "Matches: {arrived} came in, {decided} of them decided; now {by_status}",
    "匹配：收到 {arrived} 个，已决定 {decided} 个；目前 {by_status}",
)
MESSAGES = Text(
    "Messages: {tried} planned, {taken} accepted by WeChat, {delivered} delivered as far as known",
    "消息：安排 {tried} 条，微信接受 {taken} 条，就目前所知送达 {delivered} 条",
)
LOST = Text(
    "not: {refused} refused, {failed} failed afterwards, {not_sent} never left, {unknown} open or unknown",
    "其余：被拒 {refused} 条，事后失败 {failed} 条，未发出 {not_sent} 条，进行中或未知 {unknown} 条",
)
OPENED = Text("Opened, by any proxy: {rate}", "打开（任一代理指标）：{rate}")
PROXY = Text(
    "{name}: {rate}; could show on {of} of {delivered}", "{name}：{rate}；{delivered} 条中 {of} 条可体现"
)
PROXY_NONE = Text("{name}: nothing could have shown it", "{name}：没有消息可体现")
CONVERTED = Text("Converted, of the matches delivered: {rate}", "转化（按已送达的匹配）：{rate}")
STOPPED = Text(
    "Stopped (退订) within {hours:g} h of a message: {rate}", "消息后 {hours:g} 小时内退订：{rate}"
)
RATE = Text("{yes} of {of}, {share} ({low} to {high})", "{of} 中 {yes}，{share}（{low} 至 {high}）")
NO_RATE = Text("0 of 0", "0 / 0")
FEW = Text(" · few: the interval says more than the share", " · 数量太少：请看区间而不是比例")

# The groups and hours.
BY: Final[Mapping[str, Text]] = {
    "template": Text("By template", "按模板"),
    "version": Text("By template and version", "按模板与版本"),
    "variant": Text("By experiment and variant", "按实验与变体"),
    "kind": Text("By kind of message", "按消息类型"),
    "hour": Text("By local hour of acceptance", "按用户当地小时"),
    "day": Text("By local day of acceptance", "按用户当地日期"),
}
GROUP = Text(
    "{name}: {delivered} delivered; opened {opened}; converted {converted}; stopped {stopped};"
    " refused {refused}",
    "{name}：送达 {delivered}；打开 {opened}；转化 {converted}；退订 {stopped}；被拒 {refused}",
)
SHORT_RATE = Text("{share} ({low} to {high})", "{share}（{low} 至 {high}）")
HOURS = Text("Best hours (users' local time)", "最佳时段（用户当地时间）")
HOUR = Text("{hour:02d}:00 to {end:02d}:00: {rate}", "{hour:02d}:00–{end:02d}:00：{rate}")
NO_HOURS = Text(
    "too few in any hour: {enough} messages must have been delivered in one",
    "各时段数量都太少：每个时段至少需送达 {enough} 条",
)
EXPERIMENTS = Text(
    "Part of experiments: {names} (kfpush report --experiment NAME)",
    "其中包含实验：{names}（kfpush report --experiment NAME）",
)

# An experiment.
TRIAL = Text("Experiment {name} on template {template}, {state}", "实验 {name}（模板 {template}），{state}")
RUNNING = Text("running since {since}", "自 {since} 起进行中")
ENDED = Text("from {since} to {until}", "{since} 至 {until}")
UNIT = Text(
    "Counted in people, for it is people who were dealt: of those reached, who opened (or converted) at "
    "least one of theirs.",
    "按人计算，因为分组以人为单位：在已送达的人中，至少打开（或转化）过一条的人。",
)
PEOPLE = Text(
    "{name}: {dealt} people, {reached} reached; opened {opened}; converted {converted}; stopped {stopped}",
    "{name}：{dealt} 人，送达 {reached} 人；打开 {opened}；转化 {converted}；退订 {stopped}",
)
HELD = Text(
    "held out: {dealt} people were sent nothing; converted all the same {converted}",
    "空组：{dealt} 人未收到任何消息；仍转化 {converted}",
)
EDITED = Text(
    "The words of {name} were changed meanwhile (versions {versions}): it is compared as a mixture.",
    "{name} 的文字在实验期间被修改过（版本 {versions}），比较的是混合结果。",
)
SPLIT_GOOD = Text("Dealt as intended: {counts} ({p})", "分组符合预期：{counts}（{p}）")
SPLIT_BAD = Text(
    "The split is off: {counts}, where {expected} was intended ({p}). Something other than chance "
    "decides who is counted; nothing below can be trusted until it is found.",
    "分组比例异常：{counts}，预期 {expected}（{p}）。有随机以外的因素影响了统计对象；"
    "查明之前以下结果均不可信。",
)
PEEKING = Text(
    "It is still running. Who looks again and again and stops when it looks good finds differences that are "
    "not there, far more often than one time in twenty: decide beforehand when to end it.",
    "实验仍在进行。反复查看并在结果好看时停止，会远比二十分之一更频繁地发现并不存在的差异：请事先决定何时结束。",
)
MEASURES: Final[Mapping[str, Text]] = {
    "opened": Text("opened", "打开"),
    "converted": Text("converted", "转化"),
}
MESSAGED = Text("any message", "有消息")
NO_MESSAGE = Text("no message", "无消息")
COMPARED = Text(
    "{variant} beside {control}, {measure}: {difference} points ({low} to {high}), {p}",
    "{variant} 对比 {control}，{measure}：{difference} 个百分点（{low} 至 {high}），{p}",
)
VERDICTS: Final[Mapping[Verdict, Text]] = {
    Verdict.NOTHING_YET: Text(
        "Nobody on one side: nothing can be compared yet.", "有一方还没有人：尚无法比较。"
    ),
    Verdict.BAD_SPLIT: Text("The split is off: this says nothing.", "分组异常：此结果没有意义。"),
    Verdict.TOO_FEW: Text(
        "Too few to test: at least five who did and five who did not are needed on each side.",
        "数量太少，无法检验：双方都至少需要五人有、五人没有。",
    ),
    Verdict.UNDECIDED: Text(
        "The data do not decide: it may be better, worse, or the same.",
        "数据尚不能决定：可能更好、更差或相同。",
    ),
    Verdict.BETTER: Text(
        "{variant} does better, and chance alone rarely does this.", "{variant} 更好，且很难用偶然解释。"
    ),
    Verdict.WORSE: Text(
        "{variant} does worse, and chance alone rarely does this.", "{variant} 更差，且很难用偶然解释。"
    ),
}
NEXT_TO_NONE = Text("The difference seen is next to none.", "所见差异几乎为零。")
NEEDED = Text(
    "If the difference seen is the true one, about {needed} people on each side would tell it from chance "
    "(in four of five such experiments); the smaller side has {have}.",
    "若所见差异属实，每方约需 {needed} 人才能与偶然区分（五次实验中成功四次）；目前较少的一方有 {have} 人。",
)
