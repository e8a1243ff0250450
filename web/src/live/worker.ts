// The shared worker: one stream for all tabs of a browser.
import { Feed } from "./feed";

const feed = new Feed(new URL("../api/v1/stream", location.href).href);
(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0];
  const say = feed.join((message) => port.postMessage(message));
  port.onmessage = ({ data }) => say(String(data));
};
