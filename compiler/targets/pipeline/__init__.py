"""The scripts that a CI job runs, written into the output exactly as they are here.

Owns what happens on a runner: finding out what must be built, building,
mirroring, deploying, locking and removing. Takes its data from one JSON file
(`contract.Document`) that a back end wrote, and its secrets from the
environment; so no value of a spec ever stands in a script or in a shell
command. Must not import anything but the standard library and its own modules:
on the runner there is nothing else. Runs on Python 3.10 and later.

`python3 .stagecast/run.py COMMAND`, in the root of the checkout; exit code 0
is success, 1 failure, 2 wrong usage:

- check: everything that can be known to be wrong before anything is changed,
  and what later jobs need: commits, content tags, images that are there
- survey: the check, and then which deployments would change something
- build: builds and pushes images, unless the registry has them
- deploy: mirrors and releases of one stage; what is deployed already is left
- lock: the digests of all images, committed to the branch that Argo CD reads
- remove: uninstalls what left the spec and was pruned
- teardown: uninstalls a preview and deletes its namespace

Environment, beside the secrets that `Document.secrets` names (KUBE_CONFIG,
REGISTRY_USERNAME, REGISTRY_PASSWORD, SECRET_*):

- STAGECAST_DATA: path of the data file
- STAGECAST_FOUND: path of the file that `check` writes and later jobs read.
  On GitHub instead STAGECAST_COMMITS and STAGECAST_TAGS_N
- STAGECAST_BUILDS: "3,10", places in `Document.builds`; on GitHub instead
  STAGECAST_GROUP and STAGECAST_BUILD
- STAGECAST_STAGE: place of the stage that `deploy` deploys; STAGECAST_TASKS:
  "0,4", places of its tasks, all when it is empty
- STAGECAST_PREVIEW: name of a preview, such as pr-12: letters, digits and
  hyphens. Unset for the environment itself; set and empty is refused
- STAGECAST_FORCE: "true" builds and deploys also what is unchanged
- STAGECAST_LOCAL: "true" on a person's machine, whose own registry and cluster
  credentials are used where none are given
- STAGECAST_BUILDER: buildx (default), docker, buildah or buildctl;
  STAGECAST_BUILDKIT: address of the daemon for buildctl
- STAGECAST_INSECURE_REGISTRIES: hosts that are asked without TLS, with commas
- STAGECAST_PUSH_TOKEN: a token that may push the branch of `lock`
- STAGECAST_SURVEY: path of the file that `survey` writes
- STAGECAST_TRACE: path of a file that gets a JSON line per finished step
"""
