# The C compiler that SQLite and aws-lc take (gcc, libc6-dev) is in this image; nothing else is needed to build.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive the build, so the binary is copied out of them in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release -p api --bin qinglan --features pdf \
    && cp target/release/qinglan /usr/local/bin/qinglan

FROM debian:bookworm-slim
# The fonts of PDF documents: the second has the rare characters of names. Both may be shipped (SIL Open Font License).
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-noto-cjk fonts-hanazono \
    && rm -rf /var/lib/apt/lists/*
# The user by number below: what runs the image may want to see that it is not root.
RUN groupadd --system --gid 10001 qinglan \
    && useradd --system --uid 10001 --gid qinglan --no-create-home --shell /usr/sbin/nologin qinglan \
    && install -d -o qinglan -g qinglan -m 0750 /data
COPY --from=build /usr/local/bin/qinglan /usr/local/bin/qinglan
# Whom to trust when web-hooks and gateways are called.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt

USER 10001:10001
WORKDIR /data
VOLUME /data
ENV QINGLAN_DATA_DIR=/data \
    QINGLAN_LISTEN=0.0.0.0:8000
EXPOSE 8000

# bash is in every Debian and can speak TCP, so the image needs no curl. It asks whether the process lives, not whether
# it reaches its database (/readyz): starting it anew would not bring a database back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]

ENTRYPOINT ["qinglan"]
CMD ["serve"]
