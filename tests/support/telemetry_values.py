"""A client of the telemetry daemon that knows only the wire (docs/wire/telemetry.md)."""
import re
import threading

VALUE = re.compile(r"^(\d{10}\.\d{9}) (-?\d+\.\d{6})$")


class Values:
    """What nodes publish, by topic: (stamp, value) in order."""
    def __init__(self, server):
        self.by_topic, self.malformed = {}, []
        connection = server.connect()
        connection.send("PSUBSCRIBE", "telem/*")
        connection.answer()
        connection.socket.settimeout(None)
        threading.Thread(target=self.listen, args=(connection,), daemon=True).start()

    def listen(self, connection):
        try:
            while True:
                _, _, topic, text = connection.answer()
                if match := VALUE.match(text):
                    self.by_topic.setdefault(topic, []).append((float(match[1]), float(match[2])))
                else:
                    self.malformed.append((topic, text))
        except (OSError, ValueError):
            pass

    def of(self, node):
        prefix = f"telem/{node}/"
        return {topic.removeprefix(prefix): values for topic, values in list(self.by_topic.items()) if topic.startswith(prefix)}
