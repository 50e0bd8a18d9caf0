"""The phrases with which a match's journey is told, in both languages.  Pure data."""

from __future__ import annotations

from ops.telling.sentences import Text

# The headline, and what stands above the parts.
MATCH = Text("Match {match}, revision {revision}", "匹配 {match}，第 {revision} 版")
OF_USER = Text(", for user {user}", "，用户 {user}")
OF_INTENT = Text(" (intent {intent})", "（意图 {intent}）")
HEADLINE = Text("{match}: {status}", "{match}：{status}")
NOT_ARRIVED = Text("not arrived", "尚未到达")
WHAT_HAPPENED = Text("What happened  (times of {zone}, UTC in brackets)", "经过（{zone} 时间，括号内为 UTC）")
WHAT_DECIDES = Text("What decides now", "当前的决定因素")

# The answer: sent.
ACCEPTED = Text(
    "WeChat accepted it on {at}, on KF account {account}. WeChat never says whether it was seen.",
    "微信已于 {at} 接受该消息（客服账号 {account}）。微信不会告知用户是否看到。",
)
HAD_IT_ALREADY = Text(
    "WeChat says it had it already (95033), on KF account {account}, when it was offered again on {at}: an "
    "earlier attempt got through and its answer was lost. Only if WeChat uses up the msgid of a message that "
    "it refuses was nothing shown. WeChat never says whether it was seen.",
    "{at} 再次提交时，微信表示此前已有该消息（95033，客服账号 {account}）：之前某次发送已送达，只是应答丢失。"
    "除非微信会消耗被拒消息的 msgid，那样则并未展示。微信不会告知用户是否看到。",
)
FAILED = Text(
    "WeChat accepted it and reported afterwards that it could not be delivered.",
    "微信接受后又报告未能送达。",
)
FAILED_WITH = Text(
    "WeChat accepted its last message and reported afterwards that it was not delivered: {why}",
    "微信接受了上一条消息，事后又报告未送达：{why}",
)
NOT_DELIVERED = Text(
    "WeChat reports that it was not delivered (fail_type {number}): {why}",
    "微信报告未送达（fail_type {number}）：{why}",
)
TAKEN_BACK = Text(
    "a servicer took it back; it still counts among the five", "人工客服撤回了它；仍计入五条之内"
)
RECALLED = Text("It was accepted, and recalled afterwards.", "消息被接受后又被撤回。")

# The answer: on its way.
ON_ITS_WAY = Text(
    "Attempt {number} is on its way to WeChat now.", "第 {number} 次发送正在进行，等待微信应答。"
)
OFFERED_AGAIN = Text(
    "WeChat's answer was lost, so nobody knows whether it has the message. The same bytes are offered again "
    "under the same msgid: it cannot appear twice.",
    "微信的应答丢失，无法确认它是否收到。会用同一 msgid 再次提交同一消息，不会重复出现。",
)
NEXT_TRY = Text("The next try may go from {at}.", "下一次尝试最早在 {at}。")
NEXT_TRY_WAITS = Text("The next try has to wait. {why}", "下一次尝试需要等待。{why}")
NEXT_IS_THE_LAST = Text("In the next round it is given up. {why}", "下一轮将放弃。{why}")
GIVES_UP = Text(
    "If nobody has learnt it by {at}, it is given up and needs a person.",
    "若到 {at} 仍无法确认，则放弃并需要人工处理。",
)

# The answer: not sent (yet).
LAST_DECIDED = Text(
    "When it was last decided, on {at}, it was {status}: {reason}. Decided anew, now:",
    "上次决定于 {at}：{status}，{reason}。以当前情况重新判断：",
)
HAS_SPOKEN = Text(
    "The user has just written: everything of theirs is decided anew in a moment.",
    "用户刚刚发来消息：其所有匹配片刻后会重新判断。",
)
GOES_NOW = Text(
    "It may go now, on KF account {account}. A running `kfpush consume` sends it within a second or two.",
    "现在即可发送（客服账号 {account}）。运行中的 `kfpush consume` 会在一两秒内发出。",
)
GOES_WHEN_LOOKED_AT = Text(
    "By the rules it may go now, on KF account {account}. kfpush looks at it again on {at}, or as soon as "
    "the user writes.",
    "按规则现在即可发送（客服账号 {account}）。kfpush 会在 {at} 再次检查，用户发消息则立即检查。",
)
GOES_AFTER_PAUSE = Text(
    "Everything else lets it go now, on KF account {account}.", "其他条件均已满足（客服账号 {account}）。"
)
GOES_FROM = Text("It may go from {at}.", "最早可在 {at} 发送。")
CLOSED_SINCE = Text(
    "The user last wrote on {opened}, more than WeChat's 48 hours ago. It goes when they write again; no "
    "clock helps.",
    "用户上次发消息是 {opened}，已超过微信的 48 小时。用户再次发消息后发送，等待时间没有用。",
)
CLOSES_TOO_SOON = Text(
    "The window closes on {closes}, before the user's own times let it go. It goes when they write again.",
    "窗口将于 {closes} 关闭，早于用户自己允许的时间。用户再次发消息后发送。",
)
EXPIRES = Text(
    "If that has not come by {at}, it is dropped as expired.", "若到 {at} 仍未满足，则过期不再发送。"
)
WILL_BE_DROPPED = Text(
    "It will be dropped when kfpush looks at it next, on {at}. {why}",
    "kfpush 下次检查时（{at}）将不再发送它。{why}",
)
TOO_MANY_WAIT = Text(
    "More waits for this user than is planned at once; what is due or expires sooner comes first.",
    "该用户等待的匹配超过一次可安排的数量；先处理到期或即将过期的。",
)
UNDECIDABLE = Text(
    "What holds now cannot be told, and nothing is planned: {problem}.",
    "无法判断当前情况，也不会安排发送：{problem}。",
)
NEVER_LEARNT = Text(
    "A push of it had gone out before, and whether WeChat has that was never learnt.",
    "此前已有一次发送，始终无法确认微信是否收到。",
)
LOOK_AT_THE_PHONE = Text(
    "Look at the user's phone, or ask them, before it is sent again.",
    "再次发送之前，请先查看或询问用户是否已收到。",
)

# The answer: never became a delivery.
NOT_MIRRORED = Text(
    "It is committed, and no mirror has put it on the stream yet. Is `kfpush up` or `kfpush mirror` running?",
    "已提交，但尚未被镜像到消息流。`kfpush up` 或 `kfpush mirror` 在运行吗？",
)
AHEAD = Text(
    "It is on the stream, and no consumer has come to it yet. Is `kfpush up` or `kfpush consume` running? "
    "`kfpush status` tells how much is before it.",
    "已在消息流中，还没有消费者读到它。`kfpush up` 或 `kfpush consume` 在运行吗？"
    "`kfpush status` 可查看积压。",
)
PENDING = Text(
    "A consumer has read it and has not stored it yet. If that one died, another takes over within a minute.",
    "有消费者读取了它但尚未入库。若该消费者已退出，其他消费者会在一分钟内接手。",
)
NOWHERE = Text(
    "It was on the stream and is not there any more: Redis lost it. A running mirror adds it again within "
    "about a minute.",
    "它曾在消息流中，现已不在：Redis 丢失了它。运行中的镜像约一分钟内会重新加入。",
)
SOMEWHERE = Text(
    "It went to the stream and the ledger does not know it. Where it is cannot be told: Redis is away.",
    "它已进入消息流，而台账中没有它。Redis 无法连接，不能确定它的位置。",
)
LEDGER_AWAY = Text("What became of it cannot be told: {problem}.", "无法得知后续情况：{problem}。")

# What happened.
COMMITTED = Text("committed to the outbox as {key}", "写入发件箱，键为 {key}")
MIRRORED = Text("put on the stream as entry {entry}", "进入消息流，条目 {entry}")
CARRIED = Text("the mirror saw that the ledger has it", "镜像确认台账已收到")
ARRIVED = Text("became a delivery (entry {entry})", "成为投递记录（条目 {entry}）")
PUT_OFF = Text("put off until {until}: {why}", "推迟到 {until}：{why}")
TURN = Text("{what}: {why}", "{what}：{why}")
OF_CATEGORY = Text("{why} ({category})", "{why}（{category}）")
BECAUSE = Text("{act}: {why}", "{act}：{why}")
RESERVED = Text(
    "push {id} reserved: to {phone} on KF account {account}", "预留推送 {id}：客服账号 {account} → {phone}"
)
LETTER = Text("msgid {msgid}, {template} version {version}", "msgid {msgid}，模板 {template} 第 {version} 版")
AS_KIND = Text("as a message of the type {kind}", "消息类型 {kind}")
IN_PLACE_OF = Text(
    "in place of push {id}, of which WeChat refused the kind or the file",
    "代替推送 {id}：微信拒绝了其类型或文件",
)
TRIED = Text(
    "in the words of variant {variant} of experiment {experiment}", "文字为实验 {experiment} 的变体 {variant}"
)
ANSWERS = Text("msgid {msgid}, an answer to what the user asked", "msgid {msgid}，对用户提问的回复")
DIGEST = Text("msgid {msgid}, several matches as a digest", "msgid {msgid}，多个匹配合成一条")
SUMMARY = Text("msgid {msgid}, the user's daily summary", "msgid {msgid}，用户的每日小结")
ALSO_CARRIED = Text("it carried {others} too", "同时携带 {others}")
WORDS = Text("it says: {words}", "内容：{words}")
TRY_ACCEPTED = Text("attempt {number}: WeChat accepted it", "第 {number} 次：微信已接受")
TRY_REPEATED = Text(
    "attempt {number}: WeChat says it had it already (95033)", "第 {number} 次：微信表示此前已有（95033）"
)
TRY_REFUSED = Text("attempt {number}: refused with {why}", "第 {number} 次：被拒绝，{why}")
TRY_NOT_SENT = Text("attempt {number}: not sent, {why}", "第 {number} 次：未发出，{why}")
TRY_UNKNOWN = Text(
    "attempt {number}: no usable answer ({why}); WeChat may have it or not",
    "第 {number} 次：没有可用的应答（{why}）；微信可能收到也可能没有",
)
TRY_UNDER_WAY = Text("attempt {number}: on its way", "第 {number} 次：进行中")
TRY_UNTOLD = Text(
    "attempt {number}: nobody noted how it ended; WeChat may have it or not",
    "第 {number} 次：没有记录结果；微信可能收到也可能没有",
)
CODE_SAYS = Text("{code}: {means}", "{code}：{means}")
FREED = Text(
    "push {id} ended without a message; its matches are planned again",
    "推送 {id} 未发出消息即结束；其匹配重新安排",
)
BURIED_WITH = Text("push {id} ended; its matches are dead letters", "推送 {id} 结束；其匹配成为死信")
GIVEN_UP = Text("push {id} given up: {why}", "放弃推送 {id}：{why}")
SAME_AGAIN = Text(
    "{count} more pushes, {first} to {last}, ended in the same way",
    "另有 {count} 次推送（{first} 至 {last}）结果相同",
)
PUT_ASIDE = Text(
    "entry {entry} put aside as a dead letter: {why} ({error})", "条目 {entry} 成为死信：{why}（{error}）"
)

# What decides now.
ACCOUNT = Text("KF account {account}: {state}", "客服账号 {account}：{state}")
OPEN = Text("window open until {closes}, since {opened}", "窗口自 {opened} 开放至 {closes}")
CLOSED = Text("window closed since {closes}, opened {opened}", "窗口于 {opened} 打开，已于 {closes} 关闭")
NEVER_OPENED = Text("the user has never written", "用户还没有发过消息")
USED = Text("{used} of 5 used", "5 条已用 {used} 条")
KEPT_BACK = Text("{kept} left to the application", "为应用保留 {kept} 条")
EXHAUSTED = Text("WeChat says that none is left", "微信表示已无剩余")
HELD_BY_HUMAN = Text("a human servicer holds it", "由人工接待")
ENDED_BY_SERVICER = Text(
    "a servicer ended it, it waits for the user's next word", "人工已结束会话，等用户再次发消息"
)
IS_MUTED = Text("muted by the user", "用户已拒收")
NO_ACCOUNT = Text("KF account: none, no session row names this user", "客服账号：无，没有会话记录提到该用户")
QUIET_NOW = Text("quiet hours {hours}: now, until {until}", "静默时间 {hours}：正在静默，至 {until}")
QUIET_NOT_NOW = Text("quiet hours {hours}: not now", "静默时间 {hours}：现在不静默")
QUIET_NONE = Text("quiet hours: none", "静默时间：无")
TODAY = Text("today: {sent} of {limit} messages", "今天：{limit} 条中已用 {sent} 条")
SCORE = Text("score {score}; the least the user asks for is {least}", "匹配度 {score}；用户要求至少 {least}")
DAILY_AT = Text("batch mode: daily at {at}", "批量模式：每天 {at}")
UNREADABLE = Text("unreadable: {complaint}", "无法识别：{complaint}")
PAUSE = Text("Paused since {since}, by {author}: {scope}", "已暂停：{scope}，自 {since} 起，由 {author} 暂停")
PROBED = Text("It is probed next on {at}", "下次试探：{at}")
PAUSE_ENDS = Text("It ends on {at}", "于 {at} 结束")
PAUSE_STAYS = Text("It stays until a person ends it: kfpush resume", "直到人工解除：kfpush resume")

# Known nowhere.
UNKNOWN = Text("Match {match} is known nowhere.", "任何地方都没有匹配 {match}。")
NOT_LOOKED_FOR = Text("Match {match} could not be looked for.", "无法查找匹配 {match}。")
LOOKED_IN = Text("{tables} in {database}: nothing", "{database} 的 {tables}：没有")
NOT_LOOKED_IN = Text("{tables} was not looked into: {problem}", "{tables} 未能查看：{problem}")
MEANS = Text("That means one of these:", "可能的原因：")
NOT_COMMITTED = Text(
    "It was never committed here: the application's transaction was rolled back, still runs, or never called "
    "Outbox.add.",
    "从未在这里提交：应用的事务已回滚、尚未结束，或没有调用 Outbox.add。",
)
OTHER_DATABASE = Text(
    "It was committed to another database: see KFPUSH_APP_DATABASE_URL and KFPUSH_DATABASE_URL "
    "(`kfpush config`).",
    "提交到了另一个数据库：请检查 KFPUSH_APP_DATABASE_URL 与 KFPUSH_DATABASE_URL（`kfpush config`）。",
)
OTHER_ID = Text(
    "It has another id: ids are texts, compared letter by letter, and it is the match's id, not the "
    "contact's or the user's.",
    "编号不对：编号按文本逐字比较，应为匹配的编号，而不是联系人或用户的编号。",
)
