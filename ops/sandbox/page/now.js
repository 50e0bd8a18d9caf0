// The sandbox's time: what it told last and how long ago that was; and how WeChat writes a time.

const DAY = 86_400_000;

export class Now {
  #told = 0;
  #heardAt = 0;
  offset = 0;

  hear(told) {
    this.#told = new Date(told.now).getTime();
    this.#heardAt = Date.now();
    this.offset = told.offset;
  }

  get time() {
    return this.#told + Date.now() - this.#heardAt;
  }

  drawClock(place, words) {
    const at = new Date(this.time);
    const how = { dateStyle: "medium", timeStyle: "short" };
    const text = at.toLocaleString(document.documentElement.lang, how);
    place.dateTime = at.toISOString();
    place.textContent = this.offset ? `${text}  ${away(this.offset / 60, words)}` : text;
  }

  // As WeChat divides a talk: the time alone today, then yesterday, the weekday, the date.
  divider(at, words) {
    const language = document.documentElement.lang;
    const clock = at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
    const days = Math.round((midnight(new Date(this.time)) - midnight(at)) / DAY);
    if (days === 0) return clock;
    if (days === 1) return `${words.yesterday} ${clock}`;
    const how = days > 1 && days < 7 ? { weekday: "long" } : { year: "numeric", month: "long", day: "numeric" };
    return `${at.toLocaleDateString(language, how)} ${clock}`;
  }
}

const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate());

function away(minutes, words) {
  const length = Math.round(Math.abs(minutes));
  const parts = [Math.floor(length / 1440), Math.floor(length / 60) % 24, length % 60];
  return minutes < 0 ? words.behind(...parts) : words.ahead(...parts);
}

// 47:12:08; never less than nothing.
export function countdown(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
