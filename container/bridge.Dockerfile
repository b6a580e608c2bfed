# The bridge alone, for a machine beside the broker (docs/bridge.md), from the top of the checkout:
#   docker build -f container/bridge.Dockerfile -t roomidity-bridge .
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE}
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY container/requirements-bridge.txt container/requirements-build.txt container/
RUN python3 -m pip install --require-hashes --only-binary=:all: -r container/requirements-bridge.txt \
 && python3 -m pip install --require-hashes --only-binary=:all: --target /tools -r container/requirements-build.txt
ARG VERSION=0.1.0.dev0
COPY pyproject.toml README.md LICENSE ./
COPY roomidity roomidity
COPY handlers handlers
RUN PYTHONPATH=/tools SETUPTOOLS_SCM_PRETEND_VERSION="$VERSION" \
    python3 -m pip install --no-deps --no-build-isolation . \
 && rm -rf /build /tools
WORKDIR /
USER 65534:65534
ENTRYPOINT ["roomidity", "bridge"]
