# docker build -t emotion-geometry .            (CPU)
# docker build --build-arg BASE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 -t emotion-geometry .   (GPU)
# docker run --rm -v "$PWD/out:/home/emo/app/mlruns" emotion-geometry model=smollm2_135m
# docker run --rm --gpus all -v ... emotion-geometry model=mistral7b precision=fp16
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

# The CUDA bases bring no Python: Debian's or Ubuntu's is installed, as `python3`.
RUN apt-get update \
 && apt-get install -y --no-install-recommends make git python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home emo
USER emo
WORKDIR /home/emo/app

# The slow layer first: it is rebuilt only when the versions change.
COPY --chown=emo pyproject.toml constraints.txt Makefile README.md LICENSE ./
COPY --chown=emo emo ./emo
COPY --chown=emo hydra_plugins ./hydra_plugins
RUN make install PYTHON=python3

COPY --chown=emo conf ./conf
COPY --chown=emo launch.py ./
ENTRYPOINT [".venv/bin/python", "launch.py"]
