// A talk as WeChat shows it: bubbles left and right, the time between them, notes in the middle.

import { card } from "./cards.js";
import { button, element } from "./drawing.js";

const LINK = /https?:\/\/[^\s<>"，。；！？（）]+/g;
const PAUSE_MS = 5 * 60 * 1000;

export function drawBubbles(frame, messages, world) {
  const list = frame.firstElementChild;
  const wasAtEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 40;
  const drawn = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const wanted = new Set(messages.map(key));
  for (const [name, item] of drawn) if (!wanted.has(name)) item.remove();
  messages.forEach((message, n) => {
    if (drawn.has(key(message))) return;
    const after = list.children[n];
    list.insertBefore(row(message, messages[n - 1], world), after ?? null);
  });
  for (const time of list.querySelectorAll("time")) {
    const text = world.now.divider(new Date(time.dateTime), world.words);
    if (time.textContent !== text) time.textContent = text;
  }
  if (wasAtEnd) frame.scrollTop = frame.scrollHeight;
  frame.removeAttribute("aria-busy");
}

const key = (message) => `${message.seq} ${message.fate ?? ""}`;

function row(message, before, world) {
  const { words } = world;
  const item = element("li", `from-${message.from} ${message.fate ?? ""}`);
  item.dataset.key = key(message);
  const at = new Date(message.at);
  if (!before || at - new Date(before.at) > PAUSE_MS) item.append(divider(at, world));
  if (message.fate === "recalled") {
    item.append(element("p", "note", message.from === "user" ? words.userRecalled : words.recalled));
    return item;
  }
  const face = element("span", "face", words.faces[message.from]);
  face.setAttribute("aria-hidden", "true");
  if (message.from === "user") face.classList.add("mine");
  const said = element("div", "said");
  said.append(element("span", "unseen", words.who[message.from]));
  said.append(...contents(message, world));
  said.classList.toggle("bare", said.querySelector(":scope > .card") !== null);
  said.title = `${at.toLocaleString()}  ${message.msgid}`;
  item.append(face, said);
  if (message.fate === "failed") item.append(element("p", "note", words.failed));
  return item;
}

function divider(at, world) {
  const shown = element("time", "", world.now.divider(at, world.words));
  shown.dateTime = at.toISOString();
  return shown;
}

function contents(message, world) {
  if (message.msgtype === "text") return linked(message.content);
  if (message.msgtype === "msgmenu") return menu(message.content, world);
  return [card(message, world.words)];
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

function menu(content, world) {
  const entries = Array.isArray(content.list) ? content.list : [];
  const lines = entries.map((entry, n) => choice(entry?.type, entry?.[entry?.type] ?? {}, n, world));
  return [...around(content.head_content), ...lines, ...around(content.tail_content)].map((line) => {
    const part = element("div", "line");
    part.append(...[line].flat());
    return part;
  });
}

const around = (text) => (text ? [linked(String(text))] : []);

// A tap says the item's words in the user's name, with its id: so WeChat tells a tap from typing.
function choice(type, facts, n, world) {
  const text = String(facts.content ?? "");
  if (type === "view") return link(String(facts.url ?? ""), text);
  if (type === "miniprogram") return element("span", "program", text);
  if (type !== "click") return element("span", "", text);
  return button(text, () => world.speak({ text, menu_id: String(facts.id ?? n + 1) }), "choice");
}
