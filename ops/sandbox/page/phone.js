// Asks the sandbox what is so, whenever it says that something changed, and lets it be drawn.

import { drawUser, forgetBubbles, newUser } from "./user.js";
import { ask, tell } from "./calls.js";
import { find, say } from "./drawing.js";
import { Now } from "./now.js";
import { WORDS, languageAtFirst } from "./words.js";

const PHONES = 24;
const MESSAGES = 60;

const users = new Map(); // external_userid -> its element
const now = new Now();
let language = languageAtFirst();
let words = WORDS[language];
let latest = null; // what the sandbox told last
let isLive = true;

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
    latest = await ask(`phones?limit=${PHONES}&last=${MESSAGES}`);
    now.hear(latest);
    isLive = true;
    draw();
  } catch {
    isLive = false;
    drawLine();
  }
}

function draw() {
  const here = new Set(latest.phones.map((phone) => phone.external_userid));
  for (const [user, drawn] of users) {
    if (here.has(user)) continue;
    drawn.remove();
    users.delete(user);
  }
  for (const phone of latest.phones) {
    const user = phone.external_userid;
    if (!users.has(user)) users.set(user, find("#phones").appendChild(newUser(user)));
    drawUser(users.get(user), phone, words, now);
  }
  find("#empty").hidden = here.size > 0;
  if (!here.size) find("#newcomer").open = true;
  find("#more").textContent = latest.all > here.size ? words.more(here.size, latest.all) : "";
  drawLine();
}

function drawLine() {
  const line = find("#line");
  const text = isLive ? words.live : words.lost;
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("lost", !isLive);
  if (latest) now.drawClock(find("#clock"), words);
}

function speakLanguage(wish) {
  const greeting = find("#newcomer form").elements.text;
  if (!greeting.value || greeting.value === words.hello) greeting.value = WORDS[wish].hello;
  language = wish;
  words = WORDS[wish];
  document.documentElement.lang = wish === "zh" ? "zh-CN" : "en";
  document.title = `kfpush ${words.title}`;
  find("#language").textContent = words.other;
  find("#language").lang = wish === "zh" ? "en" : "zh-CN";
  say(document, words);
  for (const drawn of users.values()) forgetBubbles(drawn);
  if (latest) draw();
}

find("#language").addEventListener("click", () => {
  const wish = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", wish);
  speakLanguage(wish);
});

find("#newcomer form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (await tell(form, "speak", Object.fromEntries(new FormData(form)), words)) find("#newcomer").open = false;
});

for (const button of document.querySelectorAll("[data-advance]")) {
  // Only forward: kfpush has written the time down, and nothing may be from a future that was taken back.
  const move = { advance: Number(button.dataset.advance) };
  button.addEventListener("click", () => tell(find("header"), "clock", move, words));
}

speakLanguage(language);
const changes = new EventSource("/sandbox/events");
changes.onmessage = look;
changes.onopen = look;
changes.onerror = () => {
  isLive = false;
  drawLine();
};
setInterval(() => latest && draw(), 30_000); // what was today is yesterday
setInterval(() => {
  for (const drawn of users.values()) drawn.tick(); // the windows run down
  drawLine();
}, 1000);
