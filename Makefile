# make check is what continuous integration runs: nothing else decides.

RACE = ./pipeline/... ./sinks/... ./filters/... ./logentry/...

.PHONY: check format vet lint tidy test race build bench soak fuzz

check: format vet lint tidy test race

format:
	@changed=$$(gofmt -l .); if [ -n "$$changed" ]; then echo "gofmt would change:"; echo "$$changed"; exit 1; fi

vet:
	go vet ./...

lint:
	go tool staticcheck ./...

tidy:
	go mod tidy -diff

# Plain tests also run the seeds of every fuzz target.
test:
	go test ./...

race:
	go test -race $(RACE)

build:
	go build -o sluice ./cmd/sluice

# What docs/benchmarks.md shows, then all others. The whole path fills its streams once and runs a few times over them.
bench:
	go test -run '^$$' -bench 'Path|BareRead|ToSink|BesideRefusing' -benchtime 5x -timeout 30m ./cmd/sluice
	go test -run '^$$' -bench . -benchmem $$(go list ./... | grep -v /cmd/)

# The long runs: the same tests with more seeds, sizes and crashes.
soak:
	SLUICE_SOAK=1 go test -timeout 60m ./...

# Every fuzz target for FUZZTIME each; go runs one target at a time.
FUZZTIME = 30s
fuzz:
	@set -e; for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "fuzz $$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$pkg; \
	  done; \
	done
