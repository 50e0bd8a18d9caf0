"""The phrases with which is told how the whole stands, in both languages.  Pure data."""

from __future__ import annotations

from ops.telling.sentences import Text

HEADLINE = Text("kfpush on {now}{where}: {verdict}", "kfpush，{now}{where}：{verdict}")
IN_SANDBOX = Text(", in the sandbox", "，沙盒模式")
WELL = Text("all is well", "一切正常")
NEED_ONE = Text("one thing needs a person", "有一件事需要人工处理")
NEED_MANY = Text("{count} things need a person", "有 {count} 件事需要人工处理")
STANDS = Text("How it stands", "当前状况")

# What stands in the left column.
OUTBOX = Text("outbox", "发件箱")
STREAM = Text("stream", "消息流")
WAITING = Text("waiting", "等待")
PARKED = Text("parked", "搁置")
SENDING = Text("sending", "发送中")
LATELY = Text("lately", "最近")
LAST_SENT = Text("last sent", "上次发送")
DROPPED = Text("dropped", "不再发送")
WINDOWS = Text("windows", "窗口")
ACCOUNTS = Text("accounts", "客服账号")
PAUSED = Text("paused", "暂停")
EXPERIMENTS = Text("trying out", "实验")
DEAD = Text("dead", "死信")
TOTAL = Text("in all", "总计")

NONE_UNMIRRORED = Text("nothing waits for the mirror", "没有等待镜像的事件")
UNMIRRORED = Text(
    "waiting for the mirror: {count}, the oldest for {span}", "等待镜像：{count} 个，最早的已等 {span}"
)
ALL_CARRIED = Text("all checked off", "均已核对到达")
UNCARRIED = Text(
    "not checked off yet (it takes a minute): {count}, the oldest for {span}",
    "尚未核对到达（约需一分钟）：{count} 个，最早的已有 {span}",
)
REDIS_AWAY = Text("Redis is away: {problem}", "Redis 无法连接：{problem}")
ENTRIES = Text("entries: {length}, not read yet: {lag}", "条目：{length}，未读：{lag}")
LAG_UNKNOWN = Text("entries: {length}, not read yet: nobody knows", "条目：{length}，未读数未知")
NONE_PENDING = Text("none in work", "没有正在处理的")
PENDING = Text("in work: {count}, the oldest for {span}", "正在处理：{count} 个，最早的已有 {span}")
MIRROR_ACTIVE = Text("a mirror is active", "镜像在运行")
NO_MIRROR = Text("no mirror is active", "没有镜像在运行")
NO_CONSUMER = Text("no consumer", "没有消费者")
CONSUMERS = Text("consumers: {names}", "消费者：{names}")
CONSUMER = Text("{name} (heard {span} ago)", "{name}（{span}前活动）")
COUNTED = Text("{count}: {why}", "{count}：{why}")
LOOKED_AT = Text("{count}: {why}; the first is looked at on {at}", "{count}：{why}；最早于 {at} 再次检查")
DUE = Text("{count}: {why}; due for {span}", "{count}：{why}；已到期 {span}")
MATCHES_ON_THE_WAY = Text("matches in open pushes: {count}", "正在推送的匹配：{count} 个")
OPEN_PUSHES = Text(
    "pushes {what}: {count}, the oldest for {span}", "推送（{what}）：{count} 个，最早的已有 {span}"
)
TRYING = Text("{name} on template {template}, since {since}", "{name}（模板 {template}），自 {since} 起")
TRYING_HOLDOUT = Text(
    "{name} on template {template}, since {since}; {share} of the users are sent nothing meanwhile",
    "{name}（模板 {template}），自 {since} 起；期间 {share} 的用户收不到任何消息",
)
NOTHING = Text("nothing", "无")
OF_THE_LATEST = Text(
    "of the latest {count} pushes, since {since}: {parts}", "最近 {count} 个推送（自 {since} 起）：{parts}"
)
PART = Text("{count} {what}", "{count} 个{what}")
NO_PUSH_YET = Text("no push was ever made", "还没有任何推送")
WITH_CODE = Text("{code} ({count} times)", "{code}（{count} 次）")
CODES = Text("refused with {codes}", "拒绝码 {codes}")
SENT_AT = Text("{at}, {span} ago", "{at}，{span}前")
NOT_AMONG = Text("none of the latest pushes was accepted", "最近的推送中没有被接受的")
DROPPED_LATELY = Text("lately, since {since}: {parts}", "最近（自 {since} 起）：{parts}")
OPEN_WINDOWS = Text("{count} open", "{count} 个开放")
EXHAUSTED_WINDOWS = Text(
    "{count} open, {exhausted} of them used up, says WeChat",
    "{count} 个开放，其中 {exhausted} 个微信表示已用完",
)

ACCOUNT_READ = Text("{account}: read {span} ago", "{account}：{span}前读取")
ACCOUNT_BEHIND = Text(
    "{account}: news waits for {span}, last read {read} ago",
    "{account}：有消息等待读取已 {span}，{read}前读取过",
)
ACCOUNT_UNREAD = Text("{account}: never read yet", "{account}：尚未读取过")
ACCOUNT_REVOKED = Text("{account}: taken away from the app", "{account}：已从该应用撤走")
NOT_UNDERSTOOD = Text(
    "{count} items that kfpush does not understand are kept in kf_inbound.raw",
    "kfpush 未能识别的消息或事件 {count} 条，原样保留在 kf_inbound.raw",
)

# What needs a person, and what to do.
DATABASE = Text("A database cannot be looked into: {problem}.", "无法查看数据库：{problem}。")
REDIS = Text(
    "Redis is away, so nothing new arrives: {problem}. Nothing is lost meanwhile.",
    "Redis 无法连接，新的匹配到不了：{problem}。期间不会丢失任何内容。",
)
MIRROR = Text(
    "Committed matches wait for a mirror, and none is active: {count}, the oldest for {span}. Start "
    "`kfpush mirror` (or `kfpush up`).",
    "有已提交的匹配在等待镜像，但没有镜像在运行：{count} 个，最早的已等 {span}。"
    "请启动 `kfpush mirror`（或 `kfpush up`）。",
)
CONSUMER_NEEDED = Text(
    "Matches wait and no consumer has asked for any in the last half minute: start `kfpush consume` (or "
    "`kfpush up`), or see in its log what it waits for.",
    "有匹配在等待，但半分钟内没有消费者来取：请启动 `kfpush consume`（或 `kfpush up`），"
    "或在其日志中查看它在等什么。",
)
DEAD_LETTERS = Text(
    "Dead letters: {count}. {why} `kfpush dead list` lists them. {example}",
    "死信 {count} 个。{why}`kfpush dead list` 可列出。{example}",
)
FOR_EXAMPLE = Text("For example: `kfpush explain {match}`.", "例如：`kfpush explain {match}`。")
UNKNOWN_LONG = Text(
    "Pushes of unknown outcome: {count}, the oldest for {span}. The log (push.attempted) says why WeChat's "
    "answers get lost. They are offered again under the same msgid, and given up after 72 hours.",
    "结果未知的推送：{count} 个，最早的已有 {span}。请在日志（push.attempted）中查看为何收不到微信的应答。"
    "它们会以同一 msgid 再次提交，72 小时后放弃。",
)
NEWS = Text(
    "WeChat says that there is news at KF account {account}, and nobody has read it for {span}: messages "
    "and unsubscriptions wait. Is `kfpush consume` (or `kfpush up`) running? Its log (pull.failed) says what "
    "WeChat answers.",
    "微信通知客服账号 {account} 有新消息，但已有 {span} 未读取：用户消息和退订都在等待。"
    "`kfpush consume`（或 `kfpush up`）在运行吗？其日志（pull.failed）中有微信的应答。",
)
PREFERENCES = Text(
    "Matches that wait because their users' preferences cannot be understood: {count}. The log "
    "(plan.unreadable) and `kfpush explain MATCH_ID` name the column and what would be accepted.",
    "因用户偏好无法识别而等待的匹配：{count} 个。日志（plan.unreadable）和 `kfpush explain 匹配编号` "
    "会指出字段及可接受的写法。",
)
FAULT = Text(
    "Matches that wait because kfpush itself failed to decide about them: {count}. The log "
    "(plan.person_broke) says how. Please report it.",
    "因 kfpush 自身出错而等待的匹配：{count} 个。日志（plan.person_broke）有详情。请反馈。",
)
WORDING = Text("{problem}. See `kfpush templates lint`.", "{problem}。请运行 `kfpush templates lint`。")
UPGRADE = Text(
    "Events of a newer version than this kfpush reads: {count}. Upgrade the consumers.",
    "版本比当前 kfpush 更新的事件：{count} 个。请升级消费者。",
)
