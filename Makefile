# ScriptRunner: build, serve, test, install.
#
#   make run        set up what is missing, build, and serve on http://localhost:8080 (PORT= STATE= RUN_AS= HTTPD=apache)
#   make test       set up what is missing, and run every test
#   make            build, and fill bin/, cgi-bin/ and lib/
#   make check      format lint, warnings as errors, the dependency arrows of Package.swift
#   make fuzz       a million odd scripts, and as many odd forms (RUNS= for more or fewer)
#   make torture    kills, full disks and power cuts, all of them: an hour or more (SCALE=0.1 SEED= PHASES=)
#   make bench      benchmarks; each prints a ratio to something measured in the same run (bench-queue: of the queue alone)
#   make install    lay out everything for an admin (DESTDIR= PREFIX=)

PORT = 8080
STATE = var
RUN_AS = nobody
HTTPD = nginx
PREFIX = /opt/scriptrunner
DESTDIR =
RUNS = 1000000
SCALE = 1
SEED =
PHASES =

PAGES = home login signup account submit jobs files
PROGRAMS = worker supervisor mailer cleaner scriptrunner

# What building wants besides Swift itself.
BUILD_PACKAGES = libfcgi-dev libsqlite3-dev libsodium-dev libcurl4-openssl-dev libre2-dev libc6-dev libstdc++-12-dev binutils pkg-config
# What serving wants besides.
nginx_PACKAGES = nginx
apache_PACKAGES = apache2-bin libapache2-mod-fcgid libapache2-mod-xsendfile
# What the tests want besides.
TEST_PACKAGES = $(nginx_PACKAGES) $(apache_PACKAGES) chromium chromium-driver openssl curl \
	python3 python3-pytest python3-selenium python3-aiosmtpd python3-requests python3-html5lib \
	strace e2fsprogs xfsprogs mount util-linux gcc
BENCH_PACKAGES = $(nginx_PACKAGES) wrk strace gcc python3 python3-requests

RELEASE = .build/release

# Packages are installed before anything is built, and not twice at a time.
.NOTPARALLEL:

all: build

build: swift build-packages
	swift build -c release
	@mkdir -p bin cgi-bin lib/scriptrunner
	@install -p -m 755 $(addprefix $(RELEASE)/,$(PROGRAMS)) bin/
	@install -p -m 755 $(addprefix $(RELEASE)/,$(PAGES)) cgi-bin/
	@# The libraries of the Swift runtime that the programs share, so that the target machine needs no Swift.
	@runtime=$$(swiftc -print-target-info | sed -n '/runtimeLibraryPaths/{n;s/.*"\(.*\)".*/\1/p}') && \
	install -p -m 644 $(foreach name,Core Glibc Synchronization,"$$runtime/libswift$(name).so") lib/scriptrunner/

run: packages-$(HTTPD) build
	@exec bin/scriptrunner serve --port $(PORT) --state $(STATE) --run-as $(RUN_AS) --httpd $(HTTPD)

test: test-packages check build
	swift test --build-path .build
	/usr/bin/python3 -m pytest -q Tests/EndToEnd
	/usr/bin/python3 -m pytest -q --durations=15 Tests/Torture

torture: test-packages build
	/usr/bin/python3 Tests/Torture/run.py --scale $(SCALE) $(if $(SEED),--seed $(SEED)) $(PHASES)

# Swift brings libFuzzer along. An input that took 20 seconds is one that failed. What is found lies in .build/fuzz, and so does what was tried with
# success, to begin with the next time. A seed in Tests/FuzzTests/Corpus keeps it from coming back: make test runs those.
fuzz: swift build-packages
	SCRIPTRUNNER_FUZZ=1 swift build --build-path .build/fuzz -c release --product fuzz -Xswiftc -sanitize=fuzzer -Xswiftc -enable-testing
	@mkdir -p .build/fuzz/annotations .build/fuzz/forms .build/fuzz/failed
	@# In memory: each script is a file.
	@folder=$$(mktemp -d -p /dev/shm) && trap 'rm -rf "$$folder"' EXIT && trap 'exit 130' INT && \
	$(FUZZ) annotations "$$folder" $(FUZZ_OPTIONS) -max_len=2000 -dict=Tests/FuzzTests/Corpus/annotations.dict .build/fuzz/annotations \
		Tests/FuzzTests/Corpus/annotations Tests/ScriptsTests/Golden
	@$(FUZZ) forms $(FUZZ_OPTIONS) -max_len=1500 -dict=Tests/FuzzTests/Corpus/forms.dict .build/fuzz/forms Tests/FuzzTests/Corpus/forms

# libFuzzer's own handlers tell the input of a crash; Swift's would come before them.
FUZZ = SWIFT_BACKTRACE=enable=no .build/fuzz/release/fuzz
FUZZ_OPTIONS = -runs=$(RUNS) -timeout=20 -rss_limit_mb=2048 -artifact_prefix=.build/fuzz/failed/ -print_final_stats=1

check: swift build-packages
	swift format lint --strict --recursive --parallel Package.swift Sources Tests
	swift build --build-tests --explicit-target-dependency-import-check error

bench: build
	@tools/install-packages $(BENCH_PACKAGES)
	/usr/bin/python3 bench/run.py
	/usr/bin/python3 bench/queue_bench.py $(BENCH)

# BENCH = which, and how: see bench/queue_bench.py --help.
bench-queue: build
	@tools/install-packages $(BENCH_PACKAGES)
	/usr/bin/python3 bench/queue_bench.py $(BENCH)

FOLDERS = bin cgi-bin lib lib/scriptrunner httpd-conf htdocs htdocs/errors etc examples examples/data examples/original docs \
	docs/decisions
# Mode, folder, files.
lay = $(if $(3),install -m $(1) $(3) "$(DESTDIR)$(PREFIX)/$(2)/")

# Root has no Swift as a rule: then what is built is laid out as it is.
install: $(if $(shell command -v swift)$(if $(wildcard bin/scriptrunner),,unbuilt),build)
	install -d $(addprefix "$(DESTDIR)$(PREFIX)",/ $(addprefix /,$(FOLDERS)))
	$(call lay,755,bin,$(addprefix bin/,$(PROGRAMS)))
	$(call lay,755,cgi-bin,$(addprefix cgi-bin/,$(PAGES)))
	$(call lay,644,lib/scriptrunner,$(wildcard lib/scriptrunner/*.so))
	$(call lay,644,httpd-conf,$(wildcard httpd-conf/*.conf))
	$(call lay,644,htdocs,$(wildcard htdocs/*.*))
	$(call lay,644,htdocs/errors,$(wildcard htdocs/errors/*.*))
	$(call lay,755,examples,$(wildcard examples/*.sh))
	$(call lay,755,examples/original,$(wildcard examples/original/*.sh))
	$(call lay,644,examples,$(wildcard examples/*.md))
	$(call lay,644,examples/data,$(wildcard examples/data/*))
	$(call lay,644,docs,$(wildcard docs/*.md))
	$(call lay,644,docs/decisions,$(wildcard docs/decisions/*.md))
	@# The admin's settings stay; the new file comes beside them.
	@set -e; for file in $(notdir $(wildcard etc/*)); do \
		target="$(DESTDIR)$(PREFIX)/etc/$$file"; \
		if [ $$file = ScriptRunner.conf ] && [ -e "$$target" ]; then target="$$target.example"; fi; \
		sed 's|@PREFIX@|$(PREFIX)|g' etc/$$file >"$$target.new"; \
		chmod 644 "$$target.new"; \
		mv "$$target.new" "$$target"; done

swift:
	@tools/require-swift

build-packages:
	@tools/install-packages $(BUILD_PACKAGES)

packages-%:
	@tools/install-packages $(BUILD_PACKAGES) $($*_PACKAGES)

test-packages:
	@tools/install-packages $(BUILD_PACKAGES) $(TEST_PACKAGES)

clean:
	rm -rf .build bin lib $(addprefix cgi-bin/,$(PAGES))

.PHONY: all build run test torture fuzz check bench bench-queue install swift build-packages test-packages clean
