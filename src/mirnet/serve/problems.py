"""What went wrong, as clients get it: JSON by RFC 9457, with a word that programs may rely on."""

from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"

STATUSES = {
    "bad_option": 422,
    "bad_request": 400,
    "cancelled": 409,
    "changed": 409,
    "conflict": 409,
    "crashed": 422,
    "damaged": 422,
    "draining": 503,
    "forbidden": 403,
    "internal": 500,
    "method_not_allowed": 405,
    "needs_extra": 415,
    "no_layers": 409,
    "no_space": 507,
    "not_acceptable": 406,
    "not_found": 404,
    "not_ready": 409,
    "queue_full": 429,
    "restoring_failed": 500,
    "too_large": 413,
    "too_many_pixels": 413,
    "too_slow": 408,
    "took_too_long": 500,
    "unauthorised": 401,
    "unknown_format": 415,
    "unknown_host": 421,
}
"""HTTP status by the word of a problem."""


class Problem(Exception):  # noqa: N818 - RFC 9457's name for it
    """A request that cannot be served, or a job that failed.

    Args:
        code: one of `STATUSES`.
        detail: what was wrong and what to do, in one sentence without file names or paths.
        retry_after: seconds after which the same request may succeed.
    """

    def __init__(self, code: str, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.retry_after = code, detail, retry_after
        self.status = STATUSES[code]

    def to_json(self) -> dict[str, Any]:
        """The members of RFC 9457, and `code`."""
        return {
            "type": f"urn:mirnet:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }

    def headers(self) -> dict[str, str]:
        """HTTP headers that go with it."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, round(self.retry_after)))
        if self.code == "unauthorised":
            headers["WWW-Authenticate"] = 'Bearer realm="mirnet"'
        return headers
