"""A client of `mirnet serve`: pictures in, restored pictures out. Standard library only.

    client = Client("http://127.0.0.1:8000", token="...")
    Path("clean.jpg").write_bytes(client.restore(Path("noisy.jpg")))

    job = client.submit(Path("noisy.jpg"), layers=True)
    for event in client.events(job.id):
        print(event.job.state, event.job.progress)
    half = client.result(job.id, strength=0.5)

What the server refuses is raised as a `Problem`.
"""

import http.client
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from mirnet.serve.problems import STATUSES, Problem

__all__ = ["Client", "Event", "Job", "Problem"]

FINAL = ("done", "failed", "cancelled")

Picture = Path | bytes
"""A picture's file, or its bytes."""


@dataclass(frozen=True)
class Job:
    """A job as the server tells it."""

    id: str
    state: str
    """queued, running, done, failed or cancelled."""
    progress: float
    """From 0 to 1."""
    width: int
    height: int
    """Size of the result, whose pixels views and parts are counted in."""
    problem: dict[str, Any] | None
    """Why it failed, by RFC 9457."""
    data: dict[str, Any]
    """All that the server told."""

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Job":
        """The job in an answer."""
        return cls(
            id=data["id"],
            state=data["state"],
            progress=data["progress"],
            width=data["width"],
            height=data["height"],
            problem=data["problem"],
            data=data,
        )

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    number: int
    kind: str
    """state, progress or region."""
    job: Job


class Client:
    """Talks to one server. Several threads may use it at the same time.

    Args:
        address: such as `http://127.0.0.1:8000`; the address that `mirnet serve` prints will do,
            with its token.
        token: secret; the address's by default.
        timeout: seconds without a byte after which a call fails.
        patience: seconds for which a call is repeated while the server is at its limit.

    Raises:
        ValueError: if the address is not one of http or https.
    """

    def __init__(
        self,
        address: str,
        token: str | None = None,
        *,
        timeout: float = 600.0,
        patience: float = 600.0,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"an address is as http://127.0.0.1:8000, got {address}")
        self._scheme, self._host, self._port = parts.scheme, parts.hostname, parts.port
        given = dict(part.partition("=")[::2] for part in parts.query.split("&"))
        self._token = token or given.get("token", "")
        self._timeout, self._patience = timeout, patience

    def restore(
        self,
        picture: Picture,
        *,
        model: str | None = None,
        strength: float = 1.0,
        self_ensemble: int = 1,
        format: str | None = None,
        quality: int | None = None,
        name: str = "",
    ) -> bytes:
        """The restored file of a picture, in its own format unless another one is wanted.

        A picture for which the server makes a job is waited for.

        Args:
            picture: a file, or its bytes.
            model: one of the server's; its default if none is given.
            strength: from 0 to 1.
            self_ensemble: see `mirnet.load`.
            format: jpeg, png, tiff, webp or avif.
            quality: 1 to 100 for the lossy formats.
            name: name of the bytes' file, of which RAW files need the suffix.

        Raises:
            Problem: if the server refuses the picture or cannot restore it.
            OSError: if the server cannot be reached.
        """
        options = {
            "model": model,
            "strength": strength,
            "self_ensemble": self_ensemble,
            "format": format,
            "quality": quality,
            "name": name or _name(picture),
        }
        status, content = self._call("POST", "/v1/restore", options, picture)
        if status != 202:
            return content
        job = self.wait(json.loads(content)["id"])
        return self.result(job.id, format=format, quality=quality)

    def submit(
        self,
        picture: Picture,
        *,
        model: str | None = None,
        strength: float = 1.0,
        self_ensemble: int = 1,
        layers: bool = False,
        name: str = "",
        id: str | None = None,
    ) -> Job:
        """A job for a picture. A call that failed on the way may be repeated with the same id.

        Args:
            picture: see `restore`.
            model: see `restore`.
            strength: see `restore`.
            self_ensemble: see `restore`.
            layers: keep what is removed, so that the strength can be chosen afterwards.
            name: see `restore`.
            id: a UUID; a new one by default.

        Raises:
            Problem: if the server refuses the picture, or has another job of this id.
        """
        options = {
            "model": model,
            "strength": strength,
            "self_ensemble": self_ensemble,
            "keep": "layers" if layers else None,
            "name": name or _name(picture),
        }
        _, content = self._call("PUT", f"/v1/jobs/{id or uuid.uuid4()}", options, picture)
        return Job.of(json.loads(content))

    def job(self, id: str) -> Job:
        """A job as it is now.

        Raises:
            Problem: if there is none of this id.
        """
        return Job.of(json.loads(self._call("GET", f"/v1/jobs/{id}")[1]))

    def jobs(self) -> list[Job]:
        """All jobs of this token."""
        return [Job.of(one) for one in json.loads(self._call("GET", "/v1/jobs")[1])["jobs"]]

    def events(self, id: str, *, after: int = 0) -> Iterator[Event]:
        """What happens to a job, until it is in a final state.

        Args:
            id: of the job.
            after: number of the last event that is known.

        Raises:
            Problem: if there is no such job.
            OSError: if the connection breaks: go on after the last number.
        """
        with closing(self._connection()) as connection:
            headers = {**self._headers(), "Last-Event-ID": str(after)}
            connection.request("GET", f"/v1/jobs/{id}/events", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise _problem(answer.status, answer.read())
            fields: dict[str, str] = {}
            while line := answer.readline():
                key, _, value = line.decode().rstrip("\r\n").partition(": ")
                if key:
                    fields[key] = value
                elif "data" in fields:
                    job = Job.of(json.loads(fields["data"]))
                    yield Event(int(fields["id"]), fields["event"], job)
                    fields = {}

    def wait(self, id: str) -> Job:
        """The job once it is done.

        Raises:
            Problem: if it failed or was cancelled, or there is none of this id.
        """
        job = self.job(id)
        after = 0
        while not job.is_final:
            for event in self.events(id, after=after):
                job, after = event.job, event.number
        if job.problem:
            raise Problem(_known(job.problem["code"], 500), job.problem["detail"])
        return job

    def region(self, id: str, x: int, y: int, width: int, height: int) -> Job:
        """Ask for a part of the picture to be restored first; an event tells when it is."""
        options = {"x": x, "y": y, "width": width, "height": height}
        return Job.of(json.loads(self._call("POST", f"/v1/jobs/{id}/region", options)[1]))

    def view(
        self,
        id: str,
        x: int,
        y: int,
        width: int,
        height: int,
        *,
        which: str = "after",
        strength: float = 1.0,
        scale: float = 1.0,
    ) -> bytes:
        """A PNG of a part of the picture, as a screen shows it.

        Raises:
            Problem: `not_ready` if this part is not restored yet.
        """
        options = {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "which": which,
            "strength": strength,
            "scale": scale,
        }
        return self._call("GET", f"/v1/jobs/{id}/view", options)[1]

    def thumbnail(self, id: str) -> bytes:
        """A small JPEG of the original."""
        return self._call("GET", f"/v1/jobs/{id}/thumbnail")[1]

    def result(
        self,
        id: str,
        *,
        strength: float | None = None,
        format: str | None = None,
        quality: int | None = None,
    ) -> bytes:
        """The restored file of a job that is done.

        Raises:
            Problem: if it is not done, or was not submitted with `layers` and the strength differs.
        """
        options = {"strength": strength, "format": format, "quality": quality}
        return self._call("GET", f"/v1/jobs/{id}/result", options)[1]

    def cancel(self, id: str) -> None:
        """Cancel a job, or delete one that is finished.

        Raises:
            Problem: if there is none of this id.
        """
        self._call("DELETE", f"/v1/jobs/{id}")

    def models(self) -> dict[str, Any]:
        """Models, formats and limits of the server."""
        models: dict[str, Any] = json.loads(self._call("GET", "/v1/models")[1])
        return models

    def is_ready(self) -> bool:
        """Whether the server can be reached and takes jobs."""
        try:
            with closing(self._connection()) as connection:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
        except OSError:
            return False

    def _call(
        self,
        method: str,
        path: str,
        options: dict[str, Any] | None = None,
        picture: Picture | None = None,
    ) -> tuple[int, bytes]:
        """Status and content of the answer; repeated while the server is at its limit."""
        query = urlencode(
            {key: value for key, value in (options or {}).items() if value is not None}
        )
        target = f"{path}?{query}" if query else path
        ended = time.monotonic() + self._patience
        while True:
            try:
                return self._once(method, target, picture)
            except Problem as problem:
                seconds = problem.retry_after
                if problem.code != "queue_full" or seconds is None:
                    raise
                if time.monotonic() + seconds > ended:
                    raise
                time.sleep(seconds)

    def _once(self, method: str, target: str, picture: Picture | None) -> tuple[int, bytes]:
        headers = self._headers()
        with closing(self._connection()) as connection:
            if isinstance(picture, Path):
                headers["Content-Length"] = str(picture.stat().st_size)
                with picture.open("rb") as file:
                    connection.request(method, target, file, headers)
            else:
                connection.request(method, target, picture, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                raise _problem(answer.status, content, answer.getheader("Retry-After"))
            return answer.status, content

    def _connection(self) -> http.client.HTTPConnection:
        if self._scheme == "https":
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/octet-stream", "Accept": "*/*"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers


def _name(picture: Picture) -> str:
    return picture.name if isinstance(picture, Path) else ""


def _problem(status: int, content: bytes, retry_after: str | None = None) -> Problem:
    try:
        told = json.loads(content)
        code, detail = told["code"], told["detail"]
    except (ValueError, KeyError, TypeError):
        code, detail = "internal", f"the server answered with status {status}"
    problem = Problem(_known(code, status), detail)
    problem.status = status
    if retry_after and retry_after.isdecimal():
        problem.retry_after = float(retry_after)
    return problem


def _known(code: str, status: int) -> str:
    """The code; of a newer server's, one of the same status."""
    if code in STATUSES:
        return code
    return next((one for one, known in STATUSES.items() if known == status), "internal")
