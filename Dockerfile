# The gateway, its data path compiled, without compiler, pip or shell scripts around it. The configuration is not
# in it: mount config/ and policies/, or name another place in GATEWAY_CONFIG.

# The version that every test has run on.
ARG PYTHON=3.11
ARG DEBIAN=bookworm

FROM python:${PYTHON}-slim-${DEBIAN} AS build
# What the distribution has of gcc will do: nothing of it ends up in the image.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends gcc libc6-dev && \
    rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements/runtime.txt requirements/build.txt requirements/
# The first environment compiles, the second one is what the image gets.
RUN python -m venv /opt/build && \
    /opt/build/bin/pip install --require-hashes -r requirements/runtime.txt -r requirements/build.txt && \
    python -m venv --without-pip /opt/gateway && \
    pip --python /opt/gateway/bin/python install --require-hashes -r requirements/runtime.txt
COPY pyproject.toml setup.py README.md LICENSE ./
COPY gateway/ gateway/
RUN /opt/build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheel . && \
    pip --python /opt/gateway/bin/python install --no-deps --no-index /wheel/*.whl
# A wheel that could not be compiled would work as well, and half as fast: it is no image.
WORKDIR /
RUN ["/opt/gateway/bin/python", "-c", "import gateway; assert gateway.build() == 'compiled', gateway.build()"]

FROM python:${PYTHON}-slim-${DEBIAN}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Azora Gateway" \
      org.opencontainers.image.description="A reverse-proxy security gateway" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/gateway /opt/gateway
# Nothing is written: the root file system may be read-only.
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_CONFIG=/etc/azora/config/gateway.yaml
# By number, so that a cluster can see that it is not root.
USER 65532:65532
# Requests, and the admin listener.
EXPOSE 8080 9901
# It drains: give it longer than `timeouts.drain`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["gateway", "healthcheck"]
ENTRYPOINT ["gateway"]
CMD ["run"]
