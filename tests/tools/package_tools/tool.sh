#!/bin/sh
# A stand-in for package managers and compilers, for builds that can reach no registry. It is named as the tool that it
# stands for, reads the files that this tool reads, fails where they are missing, and leaves behind what depends on
# these files alone: a build that gives it other files, or at another place, gives another image.
set -eu
tool=$(basename "$0")
fail() { echo "$tool: $*" >&2; exit 1; }
need() { for file in "$@"; do [ -e "$file" ] || fail "there is no $file in $(pwd)"; done; }
leave() { mkdir -p "$(dirname "$1")"; printf '%s\n' "$2" >"$1"; }
digest() { sort | while read -r file; do echo "$file"; cat "$file"; done | sha256sum | cut -c1-20; }
# The files of the project with one of these names, what tools have made left out.
named() {
  for pattern in "$@"; do
    find . \( -name node_modules -o -name vendor -o -name target -o -name dist -o -name obj -o -name deps \) -prune \
      -o -type f -name "$pattern" -print
  done
}
# A fix changes the Dockerfile and its .dockerignore: no tool reads them.
sources() { named '*' | grep -v -e '/Dockerfile$' -e '/.dockerignore$'; }
names() { for word in "$@"; do case $word in -*) ;; *) echo "$word" ;; esac; done; }
after() { want=$1; shift; while [ $# -gt 0 ]; do [ "$1" = "$want" ] && { echo "${2:-}"; return; }; shift; done; }
cached() { leave "$HOME/$1/$(date +%N)" "a download"; }
# The manifests of a workspace: package.json lists folders on one line, and `!` leaves some out.
members() {
  listed=$(sed -n 's/.*"workspaces": *\[\([^]]*\)\].*/\1/p' package.json | tr -d ' "' | tr ',' ' ')
  out=; for pattern in $listed; do case $pattern in !*) out="$out ${pattern#!}" ;; esac; done
  echo ./package.json
  for pattern in $listed; do
    for folder in $pattern; do
      case " $out " in *" $folder "*) ;; *) [ -e "$folder/package.json" ] && echo "./$folder/package.json" ;; esac
    done
  done
}
verb=$(names "$@" | head -n 1)
rest=$(names "$@" | tail -n +2)

case $tool in
apt-get|apt)
  case $verb in
  update) leave /var/lib/apt/lists/packages "a list of $(date +%N)" ;;
  install)
    need /var/lib/apt/lists/packages
    for name in $rest; do leave "/usr/share/packages/${name%%=*}" "$name"; done
    leave /var/log/apt/history.log "at $(date +%N)" ;;
  clean) rm -rf /var/cache/apt/archives ;;
  *) ;;
  esac ;;
apk)
  [ "$verb" = update ] && leave /var/cache/apk/APKINDEX "a list of $(date +%N)"
  [ "$verb" = add ] && for name in $rest; do leave "/usr/share/packages/${name%%=*}" "$name"; done
  case " $* " in *" --no-cache "*) ;; *) leave /var/cache/apk/APKINDEX "a list of $(date +%N)" ;; esac ;;
yum|dnf|microdnf)
  [ "$verb" = install ] && for name in $rest; do leave "/usr/share/packages/${name%%=*}" "$name"; done
  case $verb in clean) rm -rf "/var/cache/$tool" ;; *) leave "/var/cache/$tool/list" "a list of $(date +%N)" ;; esac ;;
npm|yarn|pnpm|bun)
  case " $* " in
  *" -g "*|*" --global "*)
    for name in $rest; do leave "/usr/local/lib/node_modules/$name" "$name"; done; cached .npm; exit 0 ;;
  esac
  case $verb in
  ci|install|i|"")
    need package.json
    [ "$verb" = ci ] && need package-lock.json
    files=package.json
    grep -q '"workspaces"' package.json && files=$(members)
    [ -e pnpm-workspace.yaml ] && files=$(named package.json pnpm-workspace.yaml)
    files="$files $(find . -path ./node_modules -prune -o -type f -path '*patches/*' -print)"
    for file in package-lock.json yarn.lock pnpm-lock.yaml bun.lockb bun.lock .npmrc .yarnrc.yml .pnpmfile.cjs; do
      [ -e "$file" ] && files="$files ./$file"
    done
    leave node_modules/.installed "$* $(echo $files | tr ' ' '\n' | digest)"
    cached .npm ;;
  run|build) need package.json node_modules/.installed; leave dist/bundle.js "$(sources | digest)" ;;
  *) ;;
  esac ;;
pip|pip3)
  [ "$verb" = install ] || exit 0
  site=/usr/local/lib/python/site-packages
  required() {
    need "$1"
    while read -r word value _; do
      case $word in
      -r|-c) required "$(dirname "$1")/$value" ;;
      ''|'#'*) ;;
      *) leave "$site/${word%%[=<>~]*}" "$word" ;;
      esac
    done <"$1"
  }
  file=$(after -r "$@")
  if [ -n "$file" ]; then required "$file"
  else
    for name in $rest; do
      case $name in
      .|./*) need pyproject.toml; leave "$site/project" "$(sources | digest)" ;;
      *) leave "$site/${name%%[=<>~]*}" "$name" ;;
      esac
    done
  fi
  case " $* " in *" --no-cache-dir "*) ;; *) cached .cache/pip ;; esac ;;
poetry|uv)
  case $verb in
  install|sync)
    need pyproject.toml
    project=; case " $* " in *" --no-root "*|*" --no-install-project "*) ;; *) project=$(sources | digest) ;; esac
    leave .venv/installed "$(named pyproject.toml poetry.lock uv.lock | digest) $project"
    cached ".cache/$tool" ;;
  esac ;;
go)
  need go.mod
  modules=$(named go.mod go.sum go.work go.work.sum | digest)
  case $verb in
  mod) leave "/go/pkg/mod/$modules" "modules" ;;
  build)
    leave "/go/pkg/mod/$modules" "modules"; leave "/root/.cache/go-build/$(date +%N)" "objects"
    leave "$(after -o "$@")" "$(sources | digest)"; chmod 755 "$(after -o "$@")" ;;
  esac ;;
mvn)
  need pom.xml; leave "$HOME/.m2/repository/$(named pom.xml | digest)" "artifacts"
  case " $* " in *" package "*|*" install "*) leave target/app.jar "$(sources | digest)" ;; esac ;;
gradle|gradlew)
  leave "$HOME/.gradle/caches/$(named '*.gradle' '*.gradle.kts' gradle.properties | digest)" "artifacts"
  case " $* " in *" build "*|*" assemble "*) leave build/libs/app.jar "$(sources | digest)" ;; esac ;;
cargo)
  need Cargo.toml; leave "/usr/local/cargo/registry/$(named Cargo.toml Cargo.lock | digest)" "crates"
  [ "$verb" = build ] && leave target/release/app "$(sources | digest)" ;;
bundle)
  need Gemfile; leave "/usr/local/bundle/$(named Gemfile Gemfile.lock '*.gemspec' .ruby-version | digest)" "$*" ;;
composer)
  need composer.json; leave vendor/autoload.php "$* $(named composer.json composer.lock | digest)"
  case " $* " in *" -o "*|*" --optimize-autoloader "*) leave vendor/classmap.php "$(sources | digest)" ;; esac
  case " $* " in *" --no-scripts "*) ;; *) grep -q '"scripts"' composer.json && leave vendor/scripts "$(sources | digest)" ;; esac
  cached .composer/cache ;;
dotnet)
  projects=$(named '*.csproj' '*.fsproj')
  case $verb in
  restore)
    for project in $projects; do
      leave "$(dirname "$project")/obj/project.assets.json" \
        "$(named '*.csproj' '*.fsproj' '*.sln' 'Directory.*' 'nuget.config' 'NuGet.Config' global.json | digest)"
    done ;;
  publish|build) leave "$(after -o "$@")/app.dll" "$(sources | digest)" ;;
  esac ;;
mix)
  need mix.exs
  case $verb in deps.get) leave deps/installed "$(named mix.exs mix.lock | digest)" ;;
  *) leave _build/app "$(sources | digest)" ;; esac ;;
conda)
  if [ "$verb" = clean ]; then rm -rf /opt/conda/pkgs
  else leave /opt/conda/envs/installed "$* $(named environment.yml | digest)"; leave "/opt/conda/pkgs/$(date +%N)" "a download"
  fi ;;
# Anything else leaves behind that it ran.
*) leave "/usr/share/ran/$tool" "$*" ;;
esac
