"""The app repository of the old REST API, as the specification has it: GET and POST /api/apps, GET and DELETE
/api/apps/<name>, GET /api/apps/<name>/download; one <name>.zip each in a folder. In this process, on a thread."""
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import yaml


class AppRepository:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.asked = []      # (method, path)
        self.lies = {}       # name: the name that its answer says
        repository = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", kind="application/json", **headers):
                if not isinstance(body, bytes):
                    body = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                self.wfile.write(body)

            def do_any(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                repository.asked.append((self.command, self.path))
                words = [unquote(word) for word in self.path.strip("/").split("/")]
                if words[:2] != ["api", "apps"]:
                    return self.answer(404, {"title": "404 Not Found"})
                if len(words) == 2:
                    if self.command == "GET":
                        return self.answer(200, [repository.manifest(path.stem) for path in sorted(repository.folder.glob("*.zip"))])
                    try:
                        name = yaml.safe_load(zipfile.ZipFile(io.BytesIO(body)).read("manifest.yml"))["name"]
                    except Exception as error:
                        return self.answer(400, {"title": f"bad archive: {error}"})
                    (repository.folder / f"{name}.zip").write_bytes(body)
                    return self.answer(201, {"name": name})
                path = repository.folder / f"{words[2]}.zip"
                if self.command == "DELETE":
                    there = path.exists()
                    path.unlink(missing_ok=True)
                    return self.answer(200, there)
                if not path.exists():
                    return self.answer(404, {"title": "404 Not Found"})
                if words[3:] == ["download"]:
                    return self.answer(200, path.read_bytes(), "application/zip", Content_Disposition=f'attachment; filename="{path.name}"')
                return self.answer(200, repository.manifest(words[2]))

            do_GET = do_POST = do_DELETE = do_any

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def manifest(self, name):
        if name in self.lies:
            return {"name": self.lies[name]}
        try:
            with zipfile.ZipFile(self.folder / f"{name}.zip") as archive:
                return {**yaml.safe_load(archive.read("manifest.yml")), "name": name}
        except (KeyError, zipfile.BadZipFile, TypeError):
            return {"name": name}

    def put(self, name, files):
        with zipfile.ZipFile(self.folder / f"{name}.zip", "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
