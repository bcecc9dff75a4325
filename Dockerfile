# The service: docker build -t mirnet . && docker run --read-only --tmpfs /tmp \
#   --mount type=volume,dst=/data -p 8000:8000 -v "$PWD/tokens.txt:/tokens.txt:ro" mirnet
FROM python:3.11-slim AS build

WORKDIR /source
COPY pyproject.toml hatch_build.py constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/mirnet \
    && /opt/mirnet/bin/pip install --no-cache-dir --constraint constraints.txt ".[serve,openvino]"

FROM python:3.11-slim

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin mirnet \
    && install --directory --owner mirnet --group mirnet --mode 0700 /data
COPY --from=build /opt/mirnet /opt/mirnet

# the fastest runtime is measured once and remembered there
ENV PATH=/opt/mirnet/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp
USER 10001:10001
VOLUME /data
EXPOSE 8000

# alive, not ready: a container that loads its model or drains must not be killed
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["mirnet", "serve", "--host", "0.0.0.0", "--no-browser", "--data-dir", "/data/pictures", \
    "--token-file", "/tokens.txt"]
