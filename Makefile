# The two commands that matter: make demo, make test. Everything they need they install and build.
SHELL := bash
JOBS ?= $(shell nproc)
# Another clone of the same sources finds what this one has compiled.
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1
export CCACHE_DIR ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/galileo/ccache

.PHONY: help demo build package test test-cluster check bench tables fmt lint headers fuzz clean setup-build setup-test setup-bench

help:
	@echo "make demo    set up, build, and run the quickstart experiment into ./galileo-demo"
	@echo "make build   set up and build build/release/galileo"
	@echo "make package a Debian package of it, what it is made of, and checksums, in build/packages"
	@echo "make test    set up, build, and run all tests (the last line counts them)"
	@echo "make test-cluster   those on a whole Kubernetes only, which this machine then has for itself"
	@echo "make check   the quick inner loop: build, unit tests, house rules, quick black-box tests"
	@echo "make bench   measure against the named peers (bench/run.py --help for parts of it)"
	@echo "make tables  put the program's tables (the .def files) into the schema and the documentation"
	@echo "make fmt     format the code;  make lint: clang-format and clang-tidy as errors"
	@echo "make headers each header compiles alone;  make fuzz: a longer run of every fuzz target"

setup-build:
	@scripts/setup.sh build
setup-test:
	@scripts/setup.sh test
setup-bench:
	@scripts/setup.sh bench

build: setup-build
	@cmake --preset release > build-release.log 2>&1 || { cat build-release.log; exit 1; }
	@rm -f build-release.log
	@cmake --build --preset release -j $(JOBS) --target galileo

package: setup-test build
	@scripts/package.py --program build/release/galileo --output build/packages

demo: build
	@mkdir -p galileo-demo
	@# On a machine that is busy with other things a truthful result may be INVALID (90) or cross a
	@# threshold (99): that is what a run is for, and no failure of the demo.
	build/release/galileo run examples/hello/experiment.yaml \
	  --db galileo-demo/galileo.sqlite --report galileo-demo/report.html --json galileo-demo/result.json \
	  || { code=$$?; [ $$code = 90 ] || [ $$code = 99 ] || exit $$code; \
	       echo "demo: it ran; this machine was too busy for its thresholds (exit code $$code)"; }

test: setup-test
	@/usr/bin/python3 scripts/test.py --jobs $(JOBS)

test-cluster: setup-test
	@/usr/bin/python3 scripts/test.py --only cluster --jobs $(JOBS)

check: setup-test
	@/usr/bin/python3 scripts/test.py --quick --jobs $(JOBS)

fuzz: setup-test
	@/usr/bin/python3 scripts/test.py --only fuzz --fuzz 40 --jobs $(JOBS)

headers: setup-build
	@cmake --preset debug > /dev/null
	@cmake --build --preset debug -j $(JOBS) --target galileo_headers

bench: setup-bench build
	@bench/run.py all --write

tables: build
	@scripts/tables.py
	@scripts/reference.py

fmt: setup-test
	@git ls-files '*.h' '*.cc' '*.c' | xargs clang-format-19 -i

lint: setup-test
	@git ls-files '*.h' '*.cc' '*.c' | xargs clang-format-19 --dry-run --Werror
	@cmake --preset debug > /dev/null
	@/usr/bin/python3 scripts/lint.py --jobs $(JOBS)

clean:
	rm -rf build web/dist web/node_modules
