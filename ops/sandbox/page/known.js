// What WeChat knows of one user and one account: the window, the five, the session; and what one can do about it.

import { button, element, find, write } from "./drawing.js";
import { countdown } from "./now.js";

const HUMAN = 3;
const ENDED = 4;

export function drawKnown(drawn, talk, words, now, act) {
  const known = find(".known", drawn);
  const { closes_at: closesAt, left, of } = talk.window;
  const remains = closesAt ? new Date(closesAt) - now.time : 0;
  const isOpen = remains > 0;
  const place = find(".window", known);
  write(find(".text", place), isOpen ? words.closing(countdown(remains)) : closesAt ? words.closed : words.never);
  find("meter", place).value = Math.max(0, remains / 1000);
  place.classList.toggle("shut", !isOpen);
  drawLeft(find(".left", known), isOpen ? left : 0, of, words);
  const state = isOpen || !closesAt ? talk.service_state : ENDED;
  write(find(".state .text", known), talk.rejects ? words.rejected : words.states[state]);
  find(".state", known).classList.toggle("shut", state >= 2 || talk.rejects);
  drawTry(find(".try", known), words, act);
  drawDeeds(find(".deeds", known), talk, state, words, act);
}

function drawLeft(place, left, of, words) {
  write(find(".text", place), words.left(left, of));
  place.classList.toggle("shut", !left);
  const dots = find(".dots", place);
  while (dots.children.length < of) dots.append(element("i"));
  [...dots.children].forEach((dot, n) => dot.classList.toggle("used", n >= left));
}

// Words to say, as kfpush reads them; they are Chinese in every language, for kfpush reads Chinese.
function drawTry(place, words, act) {
  if (place.dataset.words === words.title) return;
  place.dataset.words = words.title;
  const chips = words.tryWords.map((text) => button(text, () => act("speak", { text }), "chip"));
  place.replaceChildren(element("span", "", words.tryThese), ...chips);
}

function drawDeeds(place, talk, state, words, act) {
  const deeds = [
    ["image", words.sendImage, () => act("speak", { msgtype: "image" })],
    ["location", words.sendPlace, () => act("speak", { msgtype: "location" })],
    ["enter", words.enter, () => act("enter", {})],
    talk.rejects
      ? ["accept", words.accept, () => act("reject", { rejects: false })]
      : ["reject", words.reject, () => act("reject", {})],
    state === HUMAN
      ? ["end", words.end, () => act("service_state", { service_state: ENDED })]
      : ["human", words.human, () => act("service_state", { service_state: HUMAN, servicer_userid: "servicer" })],
  ];
  const key = `${words.title} ${deeds.map(([name]) => name).join(" ")}`;
  if (place.dataset.key === key) return;
  const had = document.activeElement?.dataset.deed;
  const at = [...place.children].findIndex((each) => each === document.activeElement);
  place.dataset.key = key;
  place.replaceChildren(
    ...deeds.map(([name, text, deed]) => {
      const made = button(text, deed);
      made.dataset.deed = name;
      return made;
    }),
  );
  if (had && at >= 0) place.children[at].focus(); // the keyboard stays where it was
}
