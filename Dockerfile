# The image of every Pilcrow service: page, ingest worker and commands. docs/scale.md says how to run it.
#
#   docker build --build-arg PIP_EXTRA_INDEX_URL=URL -t pilcrow .
#
# URL is PyTorch's index of CPU builds; without it, pip takes the CUDA build, which is several GB larger.
# EXTRAS adds groups of pyproject.toml, such as ocr, traces or scale (Ray), separated by commas.

FROM python:3.11-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL
ARG EXTRAS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/pilcrow
ENV PATH=/opt/pilcrow/bin:$PATH
WORKDIR /source
COPY pyproject.toml requirements.lock requirements-eval.lock README.md LICENSE ./
# The dependencies are a layer of their own, which a change of the code leaves alone. The locks pin them.
RUN pip install --quiet -c requirements.lock -c requirements-eval.lock ".${EXTRAS:+[$EXTRAS]}" "psycopg[binary]" \
    && rm -rf /opt/pilcrow/lib/python3.*/site-packages/torch/include /opt/pilcrow/lib/python3.*/site-packages/torch/test
COPY eval eval
COPY rag rag
COPY ui ui
RUN pip install --quiet --no-deps --force-reinstall . \
    && python -c "from rag.models.local import check_weights; check_weights()" \
    && pip uninstall --quiet --yes pip

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /tmp pilcrow \
    && install --directory --owner=pilcrow --group=pilcrow --mode=700 /index
COPY --from=build /opt/pilcrow /opt/pilcrow
# Only /index and /tmp are written to: the root file system may be read-only.
ENV PATH=/opt/pilcrow/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PILCROW_INDEX=/index \
    PILCROW_HOST=0.0.0.0
# A pilcrow.toml may be mounted here.
WORKDIR /etc/pilcrow
USER 10001
VOLUME /index
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/health', timeout=4)"]
ENTRYPOINT ["pilcrow"]
CMD ["chat"]
