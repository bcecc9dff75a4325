"""A hub on this machine: the few calls by which huggingface_hub pulls and pushes models."""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_of_the_test"
MISSING = {"repository": "RepoNotFound", "revision": "RevisionNotFound", "file": "EntryNotFound"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@dataclass
class Repository:
    """One commit of a repository, on its main branch and the branch `v2`."""

    files: dict = field(default_factory=dict)
    """Content by path."""
    private: bool = False
    licence: str | None = None
    stated: dict = field(default_factory=dict)
    """Digests by path that the hub states in the place of the files' own."""

    @property
    def commit(self):
        """40 hexadecimal digits."""
        text = json.dumps({path: sha256(content) for path, content in self.files.items()})
        return hashlib.sha1(text.encode()).hexdigest()

    def info(self, name):
        """What the hub tells of it."""
        siblings = [
            {
                "rfilename": path,
                "size": len(content),
                "lfs": None
                if path.endswith(".md")
                else {
                    "size": len(content),
                    "sha256": self.stated.get(path, sha256(content)),
                    "pointerSize": 130,
                },
            }
            for path, content in self.files.items()
        ]
        card = {"license": self.licence} if self.licence else {}
        return {
            "id": name,
            "sha": self.commit,
            "private": self.private,
            "siblings": siblings,
            "cardData": card,
        }


class Hub(ThreadingHTTPServer):
    """The server. Changes of its fields are seen by the next request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories = {}
        self.uploaded = {}
        self.requests = []
        self.cut = None
        """Bytes after which the next download breaks off."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Broken connections are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _handle(self):
        path, _, _ = self.path.partition("?")
        self.server.requests.append((self.command, path, self.headers.get("Range")))
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                getattr(self, name)(body, **found.groupdict())
                return
        self._answer(404, {"error": "no such route"})

    do_GET = do_HEAD = do_POST = do_PUT = _handle  # noqa: N815 - the library's names

    def _answer(self, status, body=b"", **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content_Type", "application/json")
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _missing(self, what):
        self._answer(404, {"error": "not found"}, X_Error_Code=MISSING[what])

    def _repository(self, name, revision="main"):
        found = self.server.repositories.get(name)
        if found is None:
            self._missing("repository")
        elif found.private and not self._is_known():
            self._answer(401, {"error": "Unauthorized"}, X_Error_Code="RepoNotFound")
        elif revision not in ("main", "v2", found.commit):
            self._missing("revision")
        else:
            return found
        return None

    def _is_known(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def info(self, _, name, revision=None):
        if found := self._repository(name, revision or "main"):
            self._answer(200, found.info(name))

    def file(self, _, name, revision, file):
        found = self._repository(name, revision)
        if found is None:
            return
        if file not in found.files:
            self._missing("file")
            return
        content, start = found.files[file], 0
        headers = {"X_Repo_Commit": found.commit, "ETag": f'"{sha256(content)}"'}
        if asked := self.headers.get("Range"):
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        part = content[start:]
        cut = self.server.cut
        if self.command == "GET" and cut and len(part) > cut:
            self.server.cut = None
            headers["Content_Length"] = str(len(part))
            self._answer(200, part[:cut], **headers)
            self.close_connection = True
            return
        self._answer(206 if start else 200, part, **headers)

    def create(self, body):
        if not self._is_known():
            self._answer(401, {"error": "Invalid credentials"})
            return
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        known = name in self.server.repositories
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.server.repositories.setdefault(name, Repository(private=private))
        self._answer(409 if known else 200, {"url": f"{self.server.url}/{name}"})

    def validate(self, body):
        text = json.loads(body)["content"]
        if re.search(r"^license: nonsense$", text, re.MULTILINE):
            self._answer(400, {"errors": [{"message": '"license" must be one of many'}]})
            return
        self._answer(200, {"warnings": []})

    def preupload(self, body, name):
        if not self._is_known():
            self._answer(403, {"error": "Forbidden"})
        elif self._repository(name):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "regular" if file["path"].endswith(".md") else "lfs",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self._answer(200, {"files": files})

    def batch(self, body, name):
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.server.url}/lfs/{each['oid']}"}}}
            for each in json.loads(body)["objects"]
        ]
        self._answer(200, {"transfer": "basic", "objects": objects})

    def upload(self, body, oid):
        self.server.uploaded[oid] = body
        self._answer(200)

    def commit(self, body, name):
        found = self._repository(name)
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                found.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                found.files[value["path"]] = self.server.uploaded[value["oid"]]
        url = f"{self.server.url}/{name}/commit/{found.commit}"
        self._answer(200, {"commitUrl": url, "commitOid": found.commit})


NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
ROUTES = (
    (("POST",), r"/api/repos/create", "create"),
    (("POST",), r"/api/validate-yaml", "validate"),
    (("POST",), rf"/api/models/{NAME}/preupload/main", "preupload"),
    (("POST",), rf"/api/models/{NAME}/commit/main", "commit"),
    (("GET",), rf"/api/models/{NAME}(/revision/(?P<revision>[^/]+))?", "info"),
    (("POST",), rf"/{NAME}\.git/info/lfs/objects/batch", "batch"),
    (("PUT",), r"/lfs/(?P<oid>[0-9a-f]+)", "upload"),
    (("GET", "HEAD"), rf"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", "file"),
)
