// The phones, drawn again whenever the sandbox says that something changed.

import { drawBubbles, element } from "./bubbles.js";
import { WORDS, languageAtFirst } from "./words.js";

const PHONES = 24;
const MESSAGES = 60;
const MINUTE = 60_000;

const find = (selector, within = document) => within.querySelector(selector);
const phones = new Map(); // external_userid -> its element
const chosen = new Map(); // external_userid -> open_kfid
let language = languageAtFirst();
let words = WORDS[language];
let latest = null; // what the sandbox told last, and when
let isLive = true;

async function ask(path, order) {
  const how = order && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order) };
  const answer = await fetch(`/sandbox/${path}`, how);
  const told = await answer.json();
  if (told.error) throw new Error(told.error);
  return told;
}

// One look at a time; a change during a look means one more afterwards.
let looking = null;
let again = false;
function look() {
  again = Boolean(looking);
  looking ??= lookOnce().finally(() => {
    looking = null;
    if (again) look();
  });
}

async function lookOnce() {
  try {
    const told = await ask(`phones?limit=${PHONES}&last=${MESSAGES}`);
    latest = { ...told, heardAt: Date.now() };
    isLive = true;
    draw();
  } catch {
    isLive = false;
    drawLine();
  }
}

function draw() {
  const here = new Set(latest.phones.map((phone) => phone.external_userid));
  for (const [user, drawn] of phones) {
    if (here.has(user)) continue;
    drawn.remove();
    phones.delete(user);
  }
  for (const phone of latest.phones) drawPhone(phone);
  find("#empty").hidden = here.size > 0;
  find("#more").textContent = latest.all > here.size ? words.more(here.size, latest.all) : "";
  drawLine();
}

function drawPhone(phone) {
  const user = phone.external_userid;
  if (!phones.has(user)) phones.set(user, newPhone(user));
  const drawn = phones.get(user);
  const talks = phone.conversations;
  const talk = talks.find((each) => each.open_kfid === chosen.get(user)) ?? talks[0];
  chosen.set(user, talk.open_kfid);
  drawAccounts(drawn, user, talks, talk);
  const list = find(".talk", drawn);
  if (list.dataset.account !== talk.open_kfid) find("ol", list).replaceChildren();
  list.dataset.account = talk.open_kfid;
  list.setAttribute("aria-label", words.talk(user, talk.open_kfid));
  find("input", drawn).setAttribute("aria-label", words.say(user));
  find("input", drawn).placeholder = words.say(user);
  drawWindow(drawn, talk);
  drawBubbles(list, talk.messages, words, (text) => speak(drawn, user, text));
}

function newPhone(user) {
  const drawn = find("#phone").content.firstElementChild.cloneNode(true);
  find("h2", drawn).textContent = user;
  find("form", drawn).addEventListener("submit", async (event) => {
    event.preventDefault();
    const box = event.target.elements.text;
    if (await speak(drawn, user, box.value)) box.value = "";
  });
  find("#phones").append(drawn);
  say(drawn);
  return drawn;
}

async function speak(drawn, user, text) {
  return tell(drawn, { external_userid: user, open_kfid: chosen.get(user), text });
}

async function tell(place, order, what = "speak") {
  const complaint = find(".complaint", place);
  try {
    complaint.textContent = "";
    await ask(what, order);
    return true;
  } catch (error) {
    complaint.textContent = error instanceof TypeError ? words.lost : error.message;
    return false;
  }
}

function drawAccounts(drawn, user, talks, shown) {
  const accounts = find(".accounts", drawn);
  accounts.hidden = talks.length < 2;
  talks.forEach((talk, n) => {
    const button = accounts.children[n] ?? accounts.appendChild(newAccount(user));
    button.textContent = talk.open_kfid;
    button.setAttribute("aria-pressed", String(talk === shown));
  });
  while (accounts.children.length > talks.length) accounts.lastElementChild.remove();
}

function newAccount(user) {
  const button = element("button");
  button.type = "button";
  button.addEventListener("click", () => {
    chosen.set(user, button.textContent);
    draw();
  });
  return button;
}

function drawWindow(drawn, talk) {
  const shown = find(".window", drawn);
  const { is_open: isOpen, closes_at: closesAt, left } = talk.window;
  const minutes = Math.max(0, Math.floor((new Date(closesAt) - now()) / MINUTE));
  const time = words.time(Math.floor(minutes / 60), minutes % 60);
  const state = words.states[talk.service_state];
  const isShut = !isOpen || new Date(closesAt) <= now();
  const text = isShut ? words.closed : left ? words.left(left, time) : words.spent;
  const line = state ? `${state} · ${text}` : text;
  if (shown.textContent !== line) shown.textContent = line;
  shown.classList.toggle("shut", isShut || !left || Boolean(state));
}

const now = () => new Date(latest.now).getTime() + Date.now() - latest.heardAt;

function drawLine() {
  const line = find("#line");
  const text = isLive ? words.live : words.lost;
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("lost", !isLive);
  if (!latest) return;
  const at = new Date(now()).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  find("#clock").textContent = latest.offset ? `${at} (${away(latest.offset / 60)})` : at;
  find('[data-advance="0"]').hidden = !latest.offset;
}

function away(minutes) {
  const length = Math.round(Math.abs(minutes));
  const parts = [Math.floor(length / 1440), Math.floor(length / 60) % 24, length % 60];
  return minutes < 0 ? words.behind(...parts) : words.ahead(...parts);
}

function say(within = document) {
  for (const place of within.querySelectorAll("[data-say]")) place.textContent = words[place.dataset.say];
  for (const place of within.querySelectorAll("[data-label]")) place.setAttribute("aria-label", words[place.dataset.label]);
}

function speakLanguage(wish) {
  const greeting = find("#newcomer").elements.text;
  if (!greeting.value || greeting.value === words.hello) greeting.value = WORDS[wish].hello;
  language = wish;
  words = WORDS[wish];
  document.documentElement.lang = wish === "zh" ? "zh-CN" : "en";
  document.title = `kfpush ${words.title}`;
  find("#language").textContent = words.other;
  find("#language").lang = wish === "zh" ? "en" : "zh-CN";
  say();
  for (const drawn of phones.values()) find(".talk ol", drawn).replaceChildren();
  if (latest) draw();
}

find("#language").addEventListener("click", () => {
  const wish = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", wish);
  speakLanguage(wish);
});

find("#newcomer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const order = Object.fromEntries(new FormData(form));
  if (!(await tell(form, order))) return;
  chosen.set(order.external_userid, order.open_kfid);
  look();
});

for (const button of document.querySelectorAll("[data-advance]")) {
  const seconds = Number(button.dataset.advance);
  button.addEventListener("click", () => tell(find("header"), seconds ? { advance: seconds } : { offset: 0 }, "clock"));
}

speakLanguage(language);
const changes = new EventSource("/sandbox/events");
changes.onmessage = look;
changes.onopen = look;
changes.onerror = () => {
  isLive = false;
  drawLine();
};
setInterval(() => latest && draw(), 10_000);
