// Everything that is no text, as a card: a link, a mini program, a place, a person, a picture that is not here.

import { element } from "./drawing.js";

export function card(msgtype, content, words) {
  const kind = words.kinds[msgtype] ?? msgtype;
  const draw = { link: linkCard, miniprogram: programCard, ca_link: linkCard, location: placeCard, voice: voiceCard }[msgtype];
  return draw ? draw(content, kind, words) : plainCard(msgtype, content, kind);
}

const text = (value) => (typeof value === "string" || typeof value === "number" ? String(value) : "");

function linkCard(content, kind) {
  const url = text(content.url ?? content.link_url);
  const made = element(/^https?:\/\//.test(url) ? "a" : "div", "card link");
  if (made.href !== undefined) Object.assign(made, { href: url, target: "_blank", rel: "noreferrer" });
  const body = element("span", "body");
  body.append(element("span", "desc", text(content.desc) || url), thumb(kind));
  made.append(element("strong", "", text(content.title) || kind), body);
  return made;
}

function programCard(content, kind, words) {
  const made = element("div", "card program");
  const picture = element("span", "picture");
  picture.append(element("span", "", text(content.pagepath)));
  made.append(element("strong", "", text(content.title) || words.noTitle), picture, element("small", "", kind));
  made.title = `${text(content.appid)}  ${text(content.pagepath)}`;
  return made;
}

function placeCard(content, kind) {
  const made = element("div", "card place");
  made.append(element("strong", "", text(content.name) || kind), element("small", "", text(content.address)), element("span", "map"));
  made.title = `${text(content.latitude)}, ${text(content.longitude)}`;
  return made;
}

function voiceCard(_content, kind) {
  const made = element("div", "voice", "2″");
  made.setAttribute("aria-label", kind);
  return made;
}

function plainCard(msgtype, content, kind) {
  const made = element("div", `card plain ${msgtype}`);
  const name = text(content?.title) || text(content?.name) || text(content?.nickname) || text(content?.userid);
  made.append(thumb(kind), element("span", "", name || text(content?.media_id) || kind));
  return made;
}

function thumb(kind) {
  const made = element("span", "thumb", [...kind][0] ?? "");
  made.setAttribute("aria-hidden", "true");
  return made;
}
