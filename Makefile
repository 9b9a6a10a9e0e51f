# ScriptRunner: build, serve, test, install.
#
#   make run        set up what is missing, build, and serve on http://localhost:8080 (PORT= STATE= RUN_AS= HTTPD=apache)
#   make test       set up what is missing, and run every test
#   make            build, and fill bin/, cgi-bin/ and lib/
#   make check      format lint, warnings as errors, the dependency arrows of Package.swift
#   make bench      benchmarks; each prints a ratio to something measured in the same run
#   make install    lay out everything for an admin (DESTDIR= PREFIX=)

PORT = 8080
STATE = var
RUN_AS = nobody
HTTPD = nginx
PREFIX = /opt/scriptrunner
DESTDIR =

PAGES = home login signup account submit jobs files
PROGRAMS = worker supervisor mailer cleaner scriptrunner

# What building wants besides Swift itself.
BUILD_PACKAGES = libfcgi-dev libsqlite3-dev libsodium-dev libcurl4-openssl-dev libc6-dev libstdc++-12-dev binutils pkg-config
# What serving wants besides.
nginx_PACKAGES = nginx
apache_PACKAGES = apache2-bin libapache2-mod-fcgid libapache2-mod-xsendfile
# What the tests want besides.
TEST_PACKAGES = $(nginx_PACKAGES) $(apache_PACKAGES) chromium chromium-driver openssl curl \
	python3 python3-pytest python3-selenium python3-aiosmtpd python3-requests python3-html5lib
BENCH_PACKAGES = $(nginx_PACKAGES) wrk

RELEASE = .build/release

all: build

build: swift build-packages
	swift build -c release
	@mkdir -p bin cgi-bin lib/scriptrunner
	@for program in $(PROGRAMS); do install -p -m 755 $(RELEASE)/$$program bin/; done
	@for page in $(PAGES); do install -p -m 755 $(RELEASE)/$$page cgi-bin/; done
	@# The two libraries of the Swift runtime that the programs share, so that the target machine needs no Swift.
	@runtime=$$(swiftc -print-target-info | sed -n '/runtimeLibraryPaths/{n;s/.*"\(.*\)".*/\1/p}') && \
	install -p -m 644 "$$runtime/libswiftCore.so" "$$runtime/libswiftGlibc.so" lib/scriptrunner/

run: packages-$(HTTPD) build
	@exec bin/scriptrunner serve --port $(PORT) --state $(STATE) --run-as $(RUN_AS) --httpd $(HTTPD)

test: test-packages check build
	swift test --build-path .build
	/usr/bin/python3 -m pytest -q Tests/EndToEnd

check: swift build-packages
	swift format lint --strict --recursive --parallel Package.swift Sources Tests
	swift build --build-tests --explicit-target-dependency-import-check error

bench: build
	@tools/install-packages $(BENCH_PACKAGES)
	/usr/bin/python3 bench/run.py

install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin cgi-bin lib/scriptrunner httpd-conf htdocs/errors etc examples/data docs)
	install -m 755 $(addprefix bin/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(addprefix cgi-bin/,$(PAGES)) $(DESTDIR)$(PREFIX)/cgi-bin/
	install -m 644 lib/scriptrunner/*.so $(DESTDIR)$(PREFIX)/lib/scriptrunner/
	install -m 644 httpd-conf/*.conf $(DESTDIR)$(PREFIX)/httpd-conf/
	install -m 644 $(wildcard htdocs/*.*) $(DESTDIR)$(PREFIX)/htdocs/
	install -m 644 $(wildcard htdocs/errors/*) $(DESTDIR)$(PREFIX)/htdocs/errors/
	install -m 755 $(wildcard examples/*.sh) $(DESTDIR)$(PREFIX)/examples/
	install -m 644 $(wildcard examples/data/*) $(DESTDIR)$(PREFIX)/examples/data/
	install -m 644 $(wildcard docs/*.md) $(DESTDIR)$(PREFIX)/docs/
	for file in $(wildcard etc/*); do \
		sed 's|@PREFIX@|$(PREFIX)|g' $$file > $(DESTDIR)$(PREFIX)/$$file.new && \
		if [ "$$file" = etc/ScriptRunner.conf ] && [ -e $(DESTDIR)$(PREFIX)/$$file ]; \
		then mv $(DESTDIR)$(PREFIX)/$$file.new $(DESTDIR)$(PREFIX)/$$file.example; \
		else mv $(DESTDIR)$(PREFIX)/$$file.new $(DESTDIR)$(PREFIX)/$$file; fi; done

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

.PHONY: all build run test check bench install swift build-packages test-packages clean
