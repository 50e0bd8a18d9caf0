// The sandbox's control calls, and where their refusals are shown.

import { find } from "./drawing.js";

export async function ask(path, order) {
  const how = order && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order) };
  const answer = await fetch(`/sandbox/${path}`, how);
  const told = await answer.json();
  if (told.error) throw new Error(told.error);
  return told;
}

// Whether it was done; if not, the place's complaint says why.
export async function tell(place, deed, order, words) {
  const complaint = find(".complaint", place);
  try {
    complaint.textContent = "";
    await ask(deed, order);
    return true;
  } catch (error) {
    complaint.textContent = error instanceof TypeError ? words.lost : error.message;
    return false;
  }
}
