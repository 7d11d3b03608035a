# The image holds one static binary and nothing else. Build: docker build -t sluice .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/sluice ./cmd/sluice
# What the unprivileged user may write to; a new volume takes its owner from here.
RUN mkdir -p /out/var/lib/sluice /out/etc/sluice

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/sluice /usr/local/bin/sluice
COPY --from=build --chown=65532:65532 /out/var/lib/sluice /var/lib/sluice
COPY --from=build /out/etc/sluice /etc/sluice
USER 65532:65532
WORKDIR /var/lib/sluice
VOLUME /var/lib/sluice
EXPOSE 8080
# healthy once recovery is done; asks http.listen of the configuration
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/usr/local/bin/sluice", "status", "-c", "/etc/sluice/sluice.yaml"]
# SIGTERM drains for up to 25 s: give it 30.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/sluice"]
CMD ["run", "-c", "/etc/sluice/sluice.yaml"]
