// The few things that every part of the page does to its elements.

export const find = (selector, within = document) => within.querySelector(selector);

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

export function button(text, act, className = "") {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

// Only what changed is written: a reader's selection and a screen reader's place stay.
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

export function describe(place, name, text) {
  if (place.getAttribute(name) !== text) place.setAttribute(name, text);
}

export function say(within, words) {
  for (const place of within.querySelectorAll("[data-say]")) write(place, words[place.dataset.say]);
  for (const place of within.querySelectorAll("[data-label]")) describe(place, "aria-label", words[place.dataset.label]);
}

// One of six colours, always the same for one name.
export function colour(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 1009;
  return `colour-${sum % 6}`;
}
