"""Object stores: S3, Google Cloud Storage, Azure, and what speaks S3."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from mirnet.cluster.places import Entry, Report
from mirnet.extras import needs

LISTED = 1000
"""Names that a store returns at a time."""

CONFLICTS = 8
"""Attempts to write while another writer of the same name is at work (status 409)."""

CONFLICT_SECONDS = 0.05
"""Seconds before the second attempt; each further one waits twice as long."""


class Store:
    """A prefix of an object store. Keys and endpoints come from the usual environment variables.

    Args:
        url: `s3://bucket/prefix`, `gs://...` or `az://...`.
        seconds: seconds for which failed requests are repeated.

    Raises:
        RuntimeMissingError: if obstore is missing.
        OSError: if the address or the environment is wrong.
    """

    def __init__(self, url: str, seconds: float) -> None:
        with needs("cluster", f"{url.partition(':')[0]}://"):
            import obstore
            from obstore.store import from_url

        self.url = url
        self._obstore: Any = obstore
        with _as_os_error(url):
            self._store = from_url(url, retry_config={"retry_timeout": timedelta(seconds=seconds)})

    def list(self, prefix: str = "", *, report: Report | None = None) -> Iterator[Entry]:
        """See `Place`. There are no folders, so nothing is reported."""
        with _as_os_error(self.url):
            for chunk in self._obstore.list(self._store, prefix or None, chunk_size=LISTED):
                for found in chunk:
                    name: str = found["path"]
                    if prefix or not any(part.startswith(".") for part in name.split("/")):
                        yield Entry(name, found["size"], _fingerprint(found))

    def fetch(self, name: str, folder: Path) -> tuple[Path, str]:
        """See `Place`."""
        path = folder / f"source{Path(name).suffix}"
        with _as_os_error(self._shown(name)):
            result = self._obstore.get(self._store, name)
            with path.open("wb") as file:
                for chunk in result.stream():
                    file.write(chunk)
            return path, _fingerprint(result.meta)

    def work_folder(self) -> Path:
        """See `Place`."""
        import tempfile

        return Path(tempfile.gettempdir())

    def send(self, path: Path, name: str, *, replace: bool) -> bool:
        """See `Place`."""
        return self._put(name, path, replace=replace)

    def read(self, name: str) -> bytes:
        """See `Place`."""
        with _as_os_error(self._shown(name)):
            return bytes(self._obstore.get(self._store, name).bytes())

    def write(self, name: str, content: bytes, *, replace: bool = True) -> bool:
        """See `Place`."""
        return self._put(name, content, replace=replace)

    def remove(self, names: Sequence[str]) -> None:
        """See `Place`."""
        for name in names:
            with suppress(FileNotFoundError), _as_os_error(self._shown(name)):
                self._obstore.delete(self._store, name)

    def digest(self, name: str) -> tuple[str, int]:
        """See `Place`."""
        sha256, size = hashlib.sha256(), 0
        with _as_os_error(self._shown(name)):
            for chunk in self._obstore.get(self._store, name).stream():
                sha256.update(chunk)
                size += len(chunk)
        return sha256.hexdigest(), size

    def _put(self, name: str, content: Path | bytes, *, replace: bool) -> bool:
        """Write, again and again while other writers are in the way.

        S3 answers 412 if the name is taken, and 409 while others are writing it, whoever wins.
        obstore takes both for "already exists", so only a look tells whether it does.
        """
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode = "overwrite" if replace else "create"
        for attempt in range(CONFLICTS):
            try:
                with _as_os_error(self._shown(name)):
                    self._obstore.put(self._store, name, content, mode=mode)
                return True
            except OSError as error:
                if not isinstance(error.__cause__, AlreadyExistsError | PreconditionError):
                    raise
                if not replace and self._exists(name):
                    return False
                if attempt == CONFLICTS - 1:
                    raise
            time.sleep(CONFLICT_SECONDS * 2**attempt)
        raise AssertionError("unreachable")

    def _exists(self, name: str) -> bool:
        try:
            with _as_os_error(self._shown(name)):
                self._obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def _shown(self, name: str) -> str:
        return f"{self.url}/{name}"


def _fingerprint(found: Any) -> str:  # noqa: ANN401 - obstore's own dict
    return str(found.get("e_tag") or f"{found['size']}-{found['last_modified'].isoformat()}")


@contextmanager
def _as_os_error(name: str) -> Iterator[None]:
    """Raise the library's errors as OSError in one line; its own run over a page.

    Raises:
        FileNotFoundError: if there is no such object, or no such bucket.
        OSError: for all others.
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        missing = "there is no such bucket" if "NoSuchBucket" in str(error) else "not found"
        raise FileNotFoundError(2, missing, name) from error
    except (BaseError, ValueError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = lines[0] if len(lines[0]) <= 300 else lines[0][:300] + "..."
        raise OSError(5, reason, name) from error
