# docker build -t minicdc .
FROM rust:1-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential pkg-config libssl-dev zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The caches stay with the builder: a change of our sources does not build the dependencies again.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/minicdc /usr/local/bin/

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/minicdc --create-home minicdc
COPY --from=build /usr/local/bin/minicdc /usr/local/bin/minicdc
USER minicdc
WORKDIR /var/lib/minicdc
# The embedded log; with --brokers nothing is written here.
VOLUME /var/lib/minicdc
ENTRYPOINT ["minicdc"]
