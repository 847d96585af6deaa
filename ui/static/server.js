// Talking to the server: JSON there and back, and one sentence if it fails.
import { toast } from "./toast.js";

const words = document.body.dataset;

export class Refused extends Error {}
class Gone extends Refused {}

const answerOf = async (response) => {
  if (response.status === 401) { location.reload(); throw new Refused(""); }
  if (response.ok) return response;
  const { message } = await response.json().catch(() => ({}));
  throw new Refused(message || `${words.failed} (${response.status})`);
};

const fetched = async (address, options) => {
  try {
    return await answerOf(await fetch(address, { credentials: "same-origin", ...options }));
  } catch (error) {
    throw error instanceof Refused ? error : new Gone(words.gone);
  }
};

export const get = async (address) => (await fetched(address)).text();

export const post = async (address, body) => {
  const headers = { "content-type": "application/json" };
  return (await fetched(address, { method: "POST", headers, body: JSON.stringify(body) })).json();
};

// Run an action of the user's; tell it if it fails. If the server is gone, offer to do it `again`.
export const attempt = async (action, again = null) => {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const offer = again && error instanceof Gone ? { label: words.retry, act: again } : {};
    if (error.message) toast(error.message, { problem: true, ...offer });
    return null;
  }
};
