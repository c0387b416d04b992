# The program with its shipped weights, for a server or a team (docs/deployment.md).
#
# The CPU wheels of torch lie in an index of their own, which is named at build time
# (pytorch.org, "Get started": Linux, pip, CPU):
#   docker build --build-arg PIP_EXTRA_INDEX_URL=... -t coin-reader .
# On another processor than x86-64, add --build-arg TORCH=torch==2.13.0+cpu: the hash of
# that build is not listed, and not compared.

# "make pin-images" looks the digest up again.
ARG PYTHON_IMAGE=docker.io/library/python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${PYTHON_IMAGE} AS packages
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN ["python", "-m", "venv", "/venv"]
WORKDIR /setup
COPY constraints.txt constraints-cpu.txt ./
# "+cpu" keeps gigabytes of CUDA libraries out; without the index this stops here.
ARG TORCH=""
RUN /venv/bin/pip install --no-deps ${TORCH:---require-hashes --requirement constraints-cpu.txt} \
    || { echo "Name the index of CPU wheels: --build-arg PIP_EXTRA_INDEX_URL=..." >&2; \
         exit 1; }
RUN /venv/bin/pip install --no-deps --require-hashes --requirement constraints.txt

FROM ${PYTHON_IMAGE} AS program
WORKDIR /app
COPY . .
# Everybody may read it, and nobody write, so it is compiled now.
RUN chmod -R u=rwX,go=rX . && python -m compileall -q .

FROM ${PYTHON_IMAGE}
ARG VERSION="1.0.0"
ARG REVISION=""
LABEL org.opencontainers.image.title="Hasmonean coin reader" \
      org.opencontainers.image.description="Tells from a photo which Hasmonean ruler struck a coin: pages and HTTP API" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    COIN_DATA_DIR=/data HOME=/tmp
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin coin \
    && install --directory --owner=coin --group=coin /data
COPY --from=packages /venv /venv
COPY --from=program /app /app
WORKDIR /app
USER 10001:10001
# A file or package that is missing stops the build, not the first start.
RUN ["python", "server.py", "--help"]
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/api/health', timeout=4)"]
CMD ["python", "server.py", "--server.port", "8501", "--server.address", "0.0.0.0"]
