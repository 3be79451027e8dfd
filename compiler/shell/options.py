"""Options of programs that take the next word as their value, so that it is not taken for a name.

A table by program (its name in `ecosystems`, `systems`, `compilers`). Sources: the manuals named there.
Options that Dockerfiles hardly use are left out; a value taken for a name makes a name too many, no more.
"""

from __future__ import annotations

from compiler.shell.tables import words

_NODE = words(
    "--prefix -C --dir --cwd --registry --loglevel --cache --filter -F --omit --include --workspace "
    "-w --network-timeout --network-concurrency --mutex --cache-folder --modules-folder --userconfig "
    "--fetch-timeout --fetch-retries --mode"
)
_APT = words("-o --option -t --target-release --default-release -c --config-file -a")
_DNF = words("-c --config --releasever --installroot --enablerepo --disablerepo --repo -x")

VALUED: dict[str, tuple[str, ...]] = {
    "npm": _NODE,
    "yarn": _NODE,
    "pnpm": _NODE,
    "bun": _NODE,
    "pip": words(
        "-i --index-url --extra-index-url -f --find-links -t --target --trusted-host --prefix --root "
        "--timeout --cache-dir --src --progress-bar --no-binary --only-binary --retries -d --dest -w "
        "--wheel-dir --global-option --config-settings --proxy --cert --platform --python-version "
        "--implementation --abi --python --upgrade-strategy -C --root-user-action --log --install-option"
    ),
    "poetry": words("--with --without --only -E --extras -C --directory -P --project"),
    "uv": words(
        "--extra --group --no-group --only-group --python -p --index-url -i --target --extra-index-url "
        "--find-links -f --prefix --package --no-install-package --directory --project --cache-dir "
        "--link-mode --index --default-index -o --output-file --format --index-strategy --torch-backend "
        "--no-binary --only-binary"
    ),
    "pipenv": words("--python --pypi-mirror --categories -i --index"),
    "conda": words("-n --name -p --prefix -c --channel --solver --repodata-fn -r"),
    "go": words("-o -p -C -ldflags -gcflags -asmflags -tags -mod -modfile -buildmode -run"),
    "maven": words("-f --file -s --settings -gs -pl --projects -P --activate-profiles -T -l"),
    "gradle": words("-p --project-dir -b -c -I --init-script -x --exclude-task -g --max-workers"),
    "cargo": words(
        "--manifest-path --target -p --package --bin --features -F --target-dir --profile --path --root "
        "--version --git --branch --tag --rev -j --jobs --recipe-path -Z --config --registry --index "
        "--color --out-dir --example --vers"
    ),
    "bundler": words("--jobs -j --retry --without --with --path --gemfile --binstubs"),
    "composer": words("-d --working-dir --prefer-install --ignore-platform-req"),
    "dotnet": words(
        "-r --runtime -a --arch -c --configuration -o --output -f --framework -s --source --configfile -v "
        "--verbosity --os --packages --version-suffix --self-contained --ucr --lock-file-path -l --logger "
        "--project"
    ),
    "mix": words("--only --target"),
    "apt-get": _APT,
    "apt": _APT,
    "aptitude": _APT,
    "apk": words("-t --virtual -X --repository -p --root --arch --keys-dir --wait"),
    "dnf": _DNF,
    "microdnf": _DNF,
    "tdnf": _DNF,
    "yum": _DNF,
    "zypper": words("-t --type --root -R -r --repo --from -D --reposd-dir"),
    "pacman": words("--cachedir --config -b --dbpath --root"),
    "curl": words(
        "-o --output -H --header -d --data -X --request -u --user -A --user-agent --retry --retry-delay "
        "--connect-timeout -m --max-time --cacert -w --write-out -b -e --proto --ciphers -C --output-dir "
        "--retry-max-time -x --proxy -T"
    ),
    "wget": words(
        "-O --output-document -P --directory-prefix --header -t --tries -T --timeout -U -o --user "
        "--password -i -e --progress"
    ),
    "git": words("-b --branch -c --depth -C --reference -o -j --jobs"),
    "aria2c": words("-d -o -x -s"),
    "svn": words("-r --username --password"),
    "gh": words("-R --repo"),
    "gem": words("-v --version --source -i --install-dir -n --bindir"),
    "pipx": words("--python --index-url -i"),
}
"""The options by program."""
