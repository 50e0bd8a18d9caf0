// One message as a bubble: text with links, menus that can be clicked, and a word for everything else.

const LINK = /https?:\/\/[^\s<>"，。；！？（）]+/g;
const PAUSE_MS = 5 * 60 * 1000;

export function drawBubbles(frame, messages, words, speak) {
  const list = frame.firstElementChild;
  const wasAtEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 40;
  const wanted = new Set(messages.map((message) => String(message.seq)));
  for (const item of [...list.children]) if (!wanted.has(item.dataset.seq)) item.remove();
  const drawn = new Set([...list.children].map((item) => item.dataset.seq));
  messages.forEach((message, n) => {
    if (drawn.has(String(message.seq))) return;
    list.append(bubble(message, messages[n - 1], words, speak));
  });
  if (wasAtEnd) frame.scrollTop = frame.scrollHeight;
}

function bubble(message, before, words, speak) {
  const item = element("li", message.from);
  item.dataset.seq = message.seq;
  const at = new Date(message.at);
  if (!before || at - new Date(before.at) > PAUSE_MS) item.append(time(at));
  const face = element("span", "face", message.from === "kf" ? words.kfFace : words.myFace);
  face.setAttribute("aria-hidden", "true");
  const said = element("div", "said");
  said.append(element("span", "unseen", message.from === "kf" ? words.kf : words.me));
  said.append(...contents(message, words, speak));
  said.title = `${at.toLocaleString()}  ${message.msgid}`;
  item.append(face, said);
  return item;
}

function time(at) {
  const isToday = at.toDateString() === new Date().toDateString();
  const clock = { hour: "2-digit", minute: "2-digit" };
  const how = isToday ? clock : { month: "numeric", day: "numeric", ...clock };
  const shown = element("time", "", at.toLocaleString(document.documentElement.lang, how));
  shown.dateTime = at.toISOString();
  return shown;
}

function contents(message, words, speak) {
  if (message.msgtype === "text") return linked(message.content);
  if (message.msgtype === "msgmenu") return menu(message.content, speak);
  const name = message.content.title ?? message.content.name ?? "";
  return [`[${words.kinds[message.msgtype] ?? message.msgtype}] ${name}`];
}

function linked(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(end, found.index), link(found[0], found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

function link(address, text) {
  const anchor = element("a", "", text);
  if (/^https?:\/\//.test(address)) anchor.href = address;
  anchor.target = "_blank";
  anchor.rel = "noreferrer";
  return anchor;
}

function menu(content, speak) {
  const lines = (Array.isArray(content.list) ? content.list : []).map((entry) => {
    const choice = entry?.[entry?.type] ?? {};
    const text = String(choice.content ?? "");
    if (entry?.type === "view") return link(String(choice.url ?? ""), text);
    if (entry?.type !== "click") return element("span", "", text);
    const button = element("button", "choice", text);
    button.type = "button";
    button.addEventListener("click", () => speak(text));
    return button;
  });
  return [content.head_content, ...lines, content.tail_content].filter(Boolean).map((line) => {
    const row = element("div");
    row.append(line);
    return row;
  });
}

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
