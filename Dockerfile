# PostgreSQL with Dream Suite, on the official image. Written for it; it was not built where this project is developed,
# which has no access to an image registry.
#
#   docker build --build-arg PG=17 -t dreamsuite .
#   docker run -e POSTGRES_PASSWORD=... -v keys:/var/lib/dreamsuite -v data:/var/lib/postgresql/data dreamsuite
#
# The keyring file has a volume of its own: whoever loses it can open no token, whoever takes both can open all.
ARG PG=17
FROM postgres:${PG}-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc make libc6-dev binutils pkg-config postgresql-server-dev-${PG_MAJOR} \
        libcurl4-openssl-dev libsodium-dev libjwt-dev
WORKDIR /src
COPY . .
RUN make -s clean && make -s -j2 with_llvm=no && make -s with_llvm=no install DESTDIR=/installed

FROM postgres:${PG}-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libcurl4 libsodium23 libjwt0 \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o postgres -g postgres -m 700 /var/lib/dreamsuite
COPY --from=build /installed /
CMD ["postgres", "-c", "shared_preload_libraries=dreamsuite", "-c", "dreamsuite.keyring_file=/var/lib/dreamsuite/keyring"]
