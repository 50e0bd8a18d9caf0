// Everything that is no text, as WeChat shows it: links, mini programs, places, people, pictures, voices, files.

import { element } from "./drawing.js";

export function card(message, words) {
  const { msgtype, content, media } = message;
  const kind = words.kinds[msgtype] ?? msgtype;
  const draw = DRAWN[msgtype] ?? plainCard;
  return draw({ content: content ?? {}, media, kind, words, msgtype });
}

const DRAWN = {
  link: linkCard,
  ca_link: linkCard,
  miniprogram: programCard,
  location: placeCard,
  voice: voiceCard,
  image: picture,
  video: film,
  file: fileCard,
  business_card: personCard,
};

const text = (value) => (typeof value === "string" || typeof value === "number" ? String(value) : "");
const isWeb = (url) => /^https?:\/\//.test(url);

function linkCard({ content, media, kind }) {
  const url = text(content.url ?? content.link_url);
  const made = element(isWeb(url) ? "a" : "div", "card link");
  if (made.href !== undefined) Object.assign(made, { href: url, target: "_blank", rel: "noreferrer" });
  const body = element("span", "body");
  body.append(element("span", "desc", text(content.desc) || url), thumb(media, kind));
  made.append(element("strong", "", text(content.title) || kind), body);
  return made;
}

function programCard({ content, media, kind, words }) {
  const made = element("div", "card program");
  const shown = element("span", "picture");
  shown.append(seen(media, "") ?? element("span", "", text(content.pagepath)));
  made.append(element("strong", "", text(content.title) || words.noTitle), shown, element("small", "", kind));
  made.title = `${text(content.appid)}  ${text(content.pagepath)}`;
  return made;
}

function placeCard({ content, kind }) {
  const made = element("div", "card place");
  made.append(element("strong", "", text(content.name) || kind), element("small", "", text(content.address)), element("span", "map"));
  made.title = `${text(content.latitude)}, ${text(content.longitude)}`;
  return made;
}

// AMR has about 1,600 bytes a second; no browser plays it.
function voiceCard({ media, kind }) {
  const seconds = media ? Math.min(60, Math.max(1, Math.round(media.size / 1600))) : 2;
  const made = element("div", "voice", `${seconds}″`);
  made.style.setProperty("--seconds", seconds);
  made.setAttribute("aria-label", `${kind} ${seconds}″`);
  return made;
}

function picture(parts) {
  const shown = seen(parts.media, parts.kind);
  if (!shown) return plainCard(parts);
  const made = element("a", "card shot");
  Object.assign(made, { href: parts.media.url, target: "_blank", rel: "noreferrer" });
  made.append(shown);
  return made;
}

function film(parts) {
  if (!parts.media?.url) return plainCard(parts);
  const made = element("div", "card shot");
  const shown = element("video");
  Object.assign(shown, { src: parts.media.url, controls: true, preload: "metadata" });
  shown.setAttribute("aria-label", parts.kind);
  made.append(shown);
  return made;
}

function fileCard(parts) {
  const { media, kind } = parts;
  if (!media) return plainCard(parts);
  const made = element(media.url ? "a" : "div", "card file");
  if (media.url) Object.assign(made, { href: media.url, download: media.filename });
  const body = element("span", "name");
  body.append(element("strong", "", media.filename || kind), element("small", "", size(media.size)));
  const suffix = /\.([0-9A-Za-z]{1,4})$/.exec(media.filename)?.[1] ?? "?";
  const icon = element("span", "icon", suffix.toUpperCase());
  icon.setAttribute("aria-hidden", "true");
  made.append(body, icon);
  return made;
}

function personCard({ content, kind }) {
  const made = element("div", "card person");
  const who = element("span", "body");
  const face = element("span", "face", text(content.userid).slice(0, 1).toUpperCase());
  face.setAttribute("aria-hidden", "true");
  who.append(face, element("strong", "", text(content.userid) || kind));
  made.append(who, element("small", "", kind));
  return made;
}

function plainCard({ content, kind, msgtype }) {
  const made = element("div", `card plain ${msgtype}`);
  const name = text(content.title) || text(content.name) || text(content.nickname) || text(content.userid);
  made.append(thumb(null, kind), element("span", "", name || text(content.media_id) || kind));
  return made;
}

function thumb(media, kind) {
  const made = element("span", "thumb");
  made.setAttribute("aria-hidden", "true");
  made.append(seen(media, "") ?? [...kind][0] ?? "");
  return made;
}

// The picture itself, as long as the sandbox keeps it.
function seen(media, alt) {
  if (!media?.url || !/^image\//.test(media.sort)) return null;
  const made = element("img");
  Object.assign(made, { src: media.url, alt, decoding: "async" });
  return made;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1 << 20 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / (1 << 20)).toFixed(1)} MB`;
}
