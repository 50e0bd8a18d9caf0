// One user: the phone in their hand, and beside it what WeChat knows of them.

import { drawBubbles } from "./bubbles.js";
import { tell } from "./calls.js";
import { button, colour, describe, find, say, write } from "./drawing.js";
import { drawKnown } from "./known.js";

const chosen = new Map(); // external_userid -> the open_kfid that is shown

export function drawUser(drawn, phone, words, now) {
  const user = phone.external_userid;
  const talks = phone.conversations;
  const talk = talks.find((each) => each.open_kfid === chosen.get(user)) ?? talks[0];
  chosen.set(user, talk.open_kfid);
  say(drawn, words);
  const act = (deed, order) => tell(drawn, deed, { external_userid: user, open_kfid: talk.open_kfid, ...order }, words);
  drawn.act = act;
  write(find("h3", drawn), talk.open_kfid);
  drawAccounts(drawn, user, talks, talk, () => drawUser(drawn, phone, words, now));
  const list = find(".talk", drawn);
  if (list.dataset.account !== talk.open_kfid) forgetBubbles(drawn);
  list.dataset.account = talk.open_kfid;
  describe(list, "aria-label", words.talk(user, talk.open_kfid));
  const box = find("input", drawn);
  describe(box, "aria-label", words.say(user));
  describe(box, "placeholder", words.say(user));
  drawn.tick = () => drawKnown(drawn, talk, words, now, act);
  drawn.tick();
  drawBubbles(list, talk.messages, { words, now, speak: (order) => act("speak", order) });
}

export function newUser(user) {
  const drawn = find("#user").content.firstElementChild.cloneNode(true);
  drawn.dataset.user = user;
  write(find(".name", drawn), user);
  const face = find("h2 .face", drawn);
  write(face, user.replace(/^wm_?/, "").slice(0, 1).toUpperCase() || "?");
  face.classList.add(colour(user));
  find("form", drawn).addEventListener("submit", async (event) => {
    event.preventDefault();
    const box = event.target.elements.text;
    const text = box.value;
    box.value = ""; // at once, as on a phone; it comes back if it was not taken
    if (!(await drawn.act("speak", { text })) && !box.value) box.value = text;
  });
  return drawn;
}

// In another language, or for another account, all is drawn anew; a screen reader is not told of that.
export function forgetBubbles(drawn) {
  const log = find(".talk", drawn);
  log.setAttribute("aria-busy", "true");
  find("ol", log).replaceChildren();
}

function drawAccounts(drawn, user, talks, shown, drawAgain) {
  const accounts = find(".accounts", drawn);
  accounts.hidden = talks.length < 2;
  find("h3", drawn).classList.toggle("unseen", talks.length > 1);
  const names = talks.map((talk) => talk.open_kfid);
  if (accounts.dataset.names !== names.join(" ")) {
    accounts.replaceChildren(...names.map((name) => button(name, () => choose(user, name, drawn))));
    accounts.dataset.names = names.join(" ");
  }
  drawn.drawAgain = drawAgain;
  talks.forEach((talk, n) => accounts.children[n].setAttribute("aria-pressed", String(talk === shown)));
}

function choose(user, account, drawn) {
  chosen.set(user, account);
  drawn.drawAgain();
}
