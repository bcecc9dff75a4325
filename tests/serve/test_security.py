"""Who may ask: names of the server, tokens, pages of other origins, hostile names and bodies."""

import json
import os
import signal
import socket
import stat

import pytest
from servers import TOKEN, ask, refused, until

from mirnet.serve.client import Client, Problem

NOBODY = {"Authorization": ""}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "", "[::1]"]
)
def test_other_names_are_refused(shared, host):
    given = {"Host": host.format(port=shared.port)}

    assert refused(ask(shared, "GET", "/v1/jobs", headers=given)) == "unknown_host"
    assert refused(ask(shared, "GET", "/", headers=given)) == "unknown_host"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_own_names_are_taken(shared, host):
    assert ask(shared, "GET", "/v1/jobs", headers={"Host": f"{host}:{shared.port}"})[0] == 200


def test_two_hosts_are_refused(shared):
    request = (
        f"GET /v1/jobs HTTP/1.1\r\nHost: localhost:{shared.port}\r\nHost: evil.example\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n"
    )
    assert raw(shared, request.encode()).split()[1] in (b"400", b"421")


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/models", "/metrics"])
@pytest.mark.parametrize(
    "token", ["", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_without_a_token_nothing_is_told(shared, path, token):
    answer = ask(shared, "GET", path, headers={"Authorization": token})

    assert refused(answer) == "unauthorised"
    assert answer[1]["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/openapi.json"])
def test_probes_and_links_need_no_token(shared, path):
    cross = {**NOBODY, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert ask(shared, "GET", path, headers=cross)[0] == 200


def test_the_launch_token_becomes_a_cookie(shared):
    _, headers, _ = ask(shared, "GET", f"/?token={TOKEN}", headers=NOBODY)
    cookie = headers["set-cookie"]

    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    given = {**NOBODY, "Cookie": cookie.partition(";")[0]}
    assert ask(shared, "GET", "/v1/jobs", headers=given)[0] == 200
    assert "set-cookie" not in ask(shared, "GET", "/?token=wrong", headers=NOBODY)[1]


@pytest.mark.parametrize(
    "given",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_origins_change_nothing(shared, file, given):
    for method, path in (("POST", "/v1/restore"), ("DELETE", f"/v1/jobs/{'0' * 32}")):
        assert refused(ask(shared, method, path, file(), given)) == "forbidden"


def test_the_own_page_may(shared, file):
    given = {"Origin": f"http://127.0.0.1:{shared.port}", "Sec-Fetch-Site": "same-origin"}

    assert ask(shared, "POST", "/v1/restore", file(), given)[0] == 200


def test_no_other_origin_is_let_in_and_nothing_runs_but_our_scripts(shared):
    _, headers, _ = ask(shared, "GET", "/", headers={"Origin": "http://evil.example"})
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    preflight, allowed, _ = ask(shared, "OPTIONS", "/v1/jobs", headers=asked)

    assert preflight in (401, 403, 405)
    assert not [key for key in {**headers, **allowed} if key.startswith("access-control")]
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../settings.py",
        "/page/%2e%2e/settings.py",
        "/page//etc/passwd",
        "/v1/jobs/..%2f..%2fetc%2fpasswd",
        "/v1/jobs/not-a-uuid",
    ],
)
def test_no_path_leads_out(shared, path):
    status, _, content = ask(shared, "GET", path)

    assert status in (404, 422)
    assert b"root:" not in content
    assert b"dataclass" not in content


@pytest.mark.parametrize(
    "name",
    ["../../../../tmp/gone.png", "C:\\x.png", "a\x00b.png", "\r\nX: y", "x" * 900, "≠.nef.png"],
)
def test_hostile_names_touch_nothing(shared, file, name):
    restored = shared.client.restore(file(), name=name)

    assert restored
    # os.walk, since folders of other requests may go meanwhile
    names = {name for _, *both in os.walk(shared.data) for some in both for name in some}
    assert not [each for each in names if "gone" in each or "x.png" in each or "xxx" in each]


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "multipart/form-data", "boundary"),
        (b"--x\r\n\r\nabc", "multipart/form-data; boundary=x", "ended too soon"),
        (b"nothing", "multipart/form-data; boundary=x", "malformed"),
        (b"--x\r\n" + b"A: b\r\n" * 5000, "multipart/form-data; boundary=x", "malformed"),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 5000 + b"--x--\r\n",
            "multipart/form-data; boundary=x",
            "more than 16 parts",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "no field",
        ),
    ],
)
def test_forms_are_bounded(shared, body, kind, words):
    status, _, content = ask(shared, "POST", "/v1/restore", body, {"Content-Type": kind})

    assert status == 400
    assert words in json.loads(content)["detail"]


def test_the_folder_is_private(shared):
    assert stat.S_IMODE(shared.data.stat().st_mode) == 0o700


def test_logs_hold_no_names_tokens_or_queries(shared, file):
    shared.client.restore(file(), name="secret-wedding.jpg")

    log = until(lambda: shared.log.read_text())
    assert '"route": "/v1/restore"' in log
    assert "wedding" not in log
    assert TOKEN not in log


def test_elsewhere_a_token_file_is_needed(mirnet, tmp_path):
    answer = mirnet("serve", "--host", "0.0.0.0", "--no-browser")
    assert answer.returncode == 2
    assert "--token-file" in answer.stderr
    assert answer.stderr.count("\n") == 1

    short = tmp_path / "short"
    short.write_text("tooshort\n")
    answer = mirnet("serve", "--host", "0.0.0.0", "--token-file", short)
    assert answer.returncode == 2
    assert "16" in answer.stderr


def test_elsewhere_any_name_and_only_a_token_lets_in(start):
    server = start("--host", "0.0.0.0")
    given = {"Host": "restore.example"}

    assert ask(server, "GET", "/v1/models", headers=given)[0] == 200
    assert refused(ask(server, "GET", "/v1/models", headers={**given, **NOBODY})) == "unauthorised"
    assert server.stop(signal.SIGINT) == 0


def test_allowed_hosts_are_the_only_ones(start):
    server = start("--host", "0.0.0.0", "--allow-host", "restore.example")

    assert ask(server, "GET", "/v1/models", headers={"Host": "restore.example"})[0] == 200
    assert refused(ask(server, "GET", "/v1/models")) == "unknown_host"
    server.kill()


def test_the_launch_token_is_new_each_time_and_needed(mirnet_server):
    first, second = mirnet_server(), mirnet_server()

    assert "?token=" in first
    assert first.partition("token=")[2] != second.partition("token=")[2]
    assert Client(first).models()["default"] == "denoise"
    with pytest.raises(Problem, match="a token is needed"):
        Client(first.partition("?")[0]).models()


def test_other_folders_are_not_emptied(mirnet, tmp_path):
    (tmp_path / "mine.jpg").write_bytes(b"precious")
    tokens = tmp_path.parent / "tokens-of-this-test"
    tokens.write_text("a" * 20)

    answer = mirnet("serve", "--no-browser", "--data-dir", tmp_path, "--port", "0")

    assert answer.returncode == 2
    assert "empty or a new folder" in answer.stderr
    assert (tmp_path / "mine.jpg").exists()


def test_a_port_that_is_taken_is_told_in_one_line(mirnet):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = mirnet("serve", "--no-browser", "--port", taken.getsockname()[1])

    assert answer.returncode == 2
    assert "choose another --port" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_model_that_does_not_exist_is_told_at_once(mirnet):
    answer = mirnet("serve", "--no-browser", "--model", "denoize")

    assert answer.returncode == 2
    assert "no model 'denoize'" in answer.stderr


def raw(server, request):
    """What comes back of bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer
