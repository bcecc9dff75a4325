"""Examples and descriptions for OpenAPI."""

from typing import Any

Responses = dict[int | str, dict[str, Any]]

_PROBLEM = {
    "description": "A problem (RFC 9457); `code` is a stable word.",
    "content": {
        "application/problem+json": {
            "example": {
                "type": "urn:mirnet:problem:too_many_pixels",
                "title": "Content Too Large",
                "status": 413,
                "detail": "the picture has 2,500.0 megapixels (50000x50000); this server takes 200 "
                "at most",
                "code": "too_many_pixels",
            }
        }
    },
}

_BUSY = {
    "description": "The queue is full, or this client has too many jobs in it.",
    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
    "content": _PROBLEM["content"],
}

_REFUSED: Responses = {413: _PROBLEM, 415: _PROBLEM, 422: _PROBLEM, 429: _BUSY}

_PICTURE = {"image/*": {"schema": {"type": "string", "format": "binary"}}}

_JOB = {
    "id": "9f8cd7a6-2f1e-4c0e-9a52-6c2f3f9b1c55",
    "name": "night.jpg",
    "state": "running",
    "progress": 0.41,
    "tiles_done": 98,
    "tiles": 240,
    "width": 4000,
    "height": 3000,
    "scale": 1,
    "megapixels": 12.0,
    "bytes": 4812331,
    "model": "denoise",
    "self_ensemble": 1,
    "layers": True,
    "strength": None,
    "seconds": 8.1,
    "eta_seconds": 11.6,
    "notes": [],
    "problem": None,
    "region": {"x": 1200, "y": 800, "width": 1200, "height": 800, "state": "done"},
    "format": "jpeg",
    "formats": ["jpeg", "png", "tiff", "webp", "avif"],
    "has_alpha": False,
    "created": "2026-11-29T10:00:00+00:00",
    "expires": None,
}

_AS_JSON = {"application/json": {"example": _JOB}}

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a picture file, or a form with the field `file`.",
        "content": {
            **_PICTURE,
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}

RESTORE: Responses = {
    200: {"description": "The restored file.", "content": _PICTURE},
    202: {
        "description": "A job: asked for with `Prefer: respond-async`, or the picture is large.",
        "headers": {"Location": {"schema": {"type": "string"}}},
        "content": _AS_JSON,
    },
    **_REFUSED,
}

JOB: Responses = {200: {"content": _AS_JSON}, 202: {"content": _AS_JSON}, 409: _PROBLEM, **_REFUSED}

EVENTS: Responses = {
    200: {
        "description": "Events `state`, `progress` and `region`, each with the job as data.",
        "content": {
            "text/event-stream": {
                "example": 'id: 7\nevent: progress\ndata: {"id": "9f8c...", "progress": 0.41}\n\n'
            }
        },
    }
}

VIEW: Responses = {
    200: {
        "description": "A PNG, or lossless WebP.",
        "content": {"image/png": {}, "image/webp": {}},
    },
    409: _PROBLEM,
}

RESULT: Responses = {
    200: {"description": "The restored file.", "content": _PICTURE},
    409: _PROBLEM,
}

MODELS: Responses = {
    200: {
        "content": {
            "application/json": {
                "example": {
                    "default": "denoise",
                    "models": [{"name": "denoise", "task": "denoise", "parameters": 1763928}],
                    "formats_out": ["jpeg", "png", "tiff", "webp", "avif"],
                }
            }
        }
    }
}

NOT_READY: Responses = {
    503: {
        "description": "The model is loading, or the server is stopping.",
        "content": {"application/json": {"example": {"status": "not ready", "why": "draining"}}},
    }
}
