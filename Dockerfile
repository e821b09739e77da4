# The portal as it is deployed: one static program, no shell, no root. It holds no sandbox.
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t extranet .
FROM node:22-bookworm-slim AS node

FROM golang:1.26-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && mkdir -p /image/tmp
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN make build VERSION="$VERSION"

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# An export is written to /tmp before it is sent: mount something there when the root is read-only.
COPY --from=build --chown=65532:65532 /image/ /
COPY --from=build /src/bin/extranet /extranet
USER 65532:65532
ENV EXTRANET_LISTEN=0.0.0.0:8080 EXTRANET_OPS_LISTEN=0.0.0.0:9090
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["/extranet", "ready"]
ENTRYPOINT ["/extranet"]
CMD ["serve"]
