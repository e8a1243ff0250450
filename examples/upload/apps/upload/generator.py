# Pictures as nearly every application that recognises things takes them: base64 inside JSON. Read
# and encoded once, when the client is made.
import base64
import pathlib

pictures = [base64.b64encode(path.read_bytes()).decode() for path in sorted(pathlib.Path(context.path, "images").iterdir())]
sent = 0


def next_request():
    global sent
    sent += 1
    return "post", context.parameters.get("path", "/"), {"json": {"picture": pictures[sent % len(pictures)]}, "headers": {"X-Number": str(sent)}}
