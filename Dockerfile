# The program with its shipped weights, for a server or a team.
#
# The CPU wheels of torch lie in an index of their own, which is named at build time
# (pytorch.org, "Get started": Linux, pip, CPU):
#   docker build --build-arg PIP_EXTRA_INDEX_URL=... -t coin-reader .
#   docker run -p 8501:8501 -v coin-data:/data coin-reader
# On another processor than x86-64, add --build-arg TORCH=torch==2.13.0+cpu: the hash of
# that build is not listed, and not compared.

FROM python:3.11-slim-bookworm AS packages
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
WORKDIR /setup
COPY constraints.txt constraints-cpu.txt ./
# "+cpu" keeps gigabytes of CUDA libraries out; without the index this stops here.
ARG TORCH=""
RUN /venv/bin/pip install --no-deps ${TORCH:---require-hashes --requirement constraints-cpu.txt} \
    || { echo "Name the index of CPU wheels: --build-arg PIP_EXTRA_INDEX_URL=..." >&2; \
         exit 1; }
RUN /venv/bin/pip install --no-deps --require-hashes --requirement constraints.txt

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    COIN_DATA_DIR=/data HOME=/tmp
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin coin \
    && install --directory --owner=coin --group=coin /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
USER 10001:10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/api/health', timeout=4)"]
CMD ["python", "server.py", "--server.port", "8501", "--server.address", "0.0.0.0"]
