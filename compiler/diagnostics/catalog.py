"""Every code that Stagecast reports, at a glance; the prose of each is in `compiler.diagnostics.prose`.

A code never changes its meaning and is never used again. The first digit is the group.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.diagnostics.model import Severity
from compiler.diagnostics.prose import (
    Prose,
    bases,
    caching,
    graph,
    names,
    outputs,
    project,
    reading,
    resources,
    schema,
    separation,
    sources,
    variables,
)

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

GROUPS: dict[str, str] = {
    "0": "Reading and YAML",
    "1": "Schema",
    "2": "Names and references",
    "3": "Stages and graph",
    "4": "Resources and quantities",
    "5": "Sources, images and Dockerfiles",
    "6": "Variables and secrets",
    "7": "Targets and output",
    "8": "Project file",
    "9": "Practices of Dockerfiles",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one code stands for.

    `code` is `STC` and three digits, `name` a unique kebab-case slug,
    `severity` the one it has unless the project file says otherwise, `summary`
    one line without a full stop.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    prose: Prose

    @property
    def can_be_ignored(self) -> bool:
        """Whether it may be silenced: not an error of reading, after which nothing else is known of a file."""
        return not (self.code.startswith("STC0") and self.severity is Severity.ERROR)

    @property
    def why(self) -> str:
        """Why it is reported, as Markdown."""
        return self.prose.why

    @property
    def example(self) -> str:
        """YAML that triggers it: a whole file if it says `apiVersion`, else the lines below such a head."""
        return self.prose.example

    @property
    def instead(self) -> str:
        """The example put right; "" where `advice` says it better."""
        return self.prose.instead

    @property
    def advice(self) -> str:
        """What to do, as Markdown; "" where `instead` shows it."""
        return self.prose.advice


def find(name: str) -> Rule | None:
    """The rule with this code or slug, in upper or lower case."""
    rule = RULES.get(name.upper())
    return rule or next((rule for rule in RULES.values() if rule.name == name.lower()), None)


# One line a code, however long: it is read as a table.
# ruff: noqa: E501
# fmt: off
RULES: dict[str, Rule] = {
    # Reading and YAML
    "STC001": Rule("STC001", "unreadable-yaml", ERROR, "The file is not YAML", reading.UNREADABLE_YAML),
    "STC002": Rule("STC002", "not-utf8", ERROR, "The file is not encoded as UTF-8", reading.NOT_UTF8),
    "STC003": Rule("STC003", "empty-document", ERROR, "The file holds nothing", reading.EMPTY_DOCUMENT),
    "STC004": Rule("STC004", "not-a-mapping", ERROR, "The file is not a mapping", reading.NOT_A_MAPPING),
    "STC005": Rule("STC005", "several-documents", ERROR, "The file holds more than one document", reading.SEVERAL_DOCUMENTS),
    "STC006": Rule("STC006", "too-large", ERROR, "The file is too large", reading.TOO_LARGE),
    "STC007": Rule("STC007", "too-many-nodes", ERROR, "The document has more than a million values", reading.TOO_MANY_NODES),
    "STC008": Rule("STC008", "nested-too-deep", ERROR, "Values are nested too deep", reading.NESTED_TOO_DEEP),
    "STC009": Rule("STC009", "duplicate-key", ERROR, "A mapping has the same key twice", reading.DUPLICATE_KEY),
    "STC010": Rule("STC010", "unsupported-tag", ERROR, "A YAML tag that is not supported", reading.UNSUPPORTED_TAG),
    "STC011": Rule("STC011", "key-not-a-string", ERROR, "A key is not a string", reading.KEY_NOT_A_STRING),
    "STC012": Rule("STC012", "recursive-alias", ERROR, "An alias contains itself", reading.RECURSIVE_ALIAS),
    "STC013": Rule("STC013", "yaml-1-1-surprise", WARNING, "A plain value that YAML 1.1 reads differently", reading.YAML_1_1_SURPRISE),
    "STC014": Rule("STC014", "bad-merge-key", ERROR, "A merge key without a mapping", reading.BAD_MERGE_KEY),
    "STC015": Rule("STC015", "tab-indentation", ERROR, "A tab indents a line", reading.TAB_INDENTATION),
    "STC016": Rule("STC016", "more-findings", NOTE, "More findings than are shown", reading.MORE_FINDINGS),

    # Schema
    "STC101": Rule("STC101", "unknown-key", ERROR, "A key that does not exist here", schema.UNKNOWN_KEY),
    "STC102": Rule("STC102", "missing-key", ERROR, "A required key is missing", schema.MISSING_KEY),
    "STC103": Rule("STC103", "wrong-type", ERROR, "A value of the wrong type", schema.WRONG_TYPE),
    "STC104": Rule("STC104", "not-allowed-value", ERROR, "A value that is not one of the allowed ones", schema.NOT_ALLOWED_VALUE),
    "STC105": Rule("STC105", "malformed-value", ERROR, "A value that does not have the required form", schema.MALFORMED_VALUE),
    "STC106": Rule("STC106", "out-of-range", ERROR, "A value that is too small, too large, too long or empty", schema.OUT_OF_RANGE),
    "STC107": Rule("STC107", "conflicting-keys", ERROR, "Keys that exclude each other, or none where one is needed", schema.CONFLICTING_KEYS),
    "STC108": Rule("STC108", "wrong-api-version", ERROR, "An apiVersion or kind that this Stagecast does not read", schema.WRONG_API_VERSION),

    # Names and references
    "STC201": Rule("STC201", "bad-service-name", ERROR, "A name that Kubernetes refuses", names.BAD_SERVICE_NAME),
    "STC202": Rule("STC202", "name-too-long", ERROR, "A name that is too long for a release", names.NAME_TOO_LONG),
    "STC203": Rule("STC203", "colliding-names", ERROR, "Two names that become the same", names.COLLIDING_NAMES),
    "STC204": Rule("STC204", "unknown-stage", ERROR, "A stage that is not declared", names.UNKNOWN_STAGE),
    "STC205": Rule("STC205", "unknown-service", ERROR, "A service that does not exist", names.UNKNOWN_SERVICE),
    "STC206": Rule("STC206", "duplicate-stage", ERROR, "Two stages of the same name", names.DUPLICATE_STAGE),
    "STC207": Rule("STC207", "unused-stage", NOTE, "A stage that no service belongs to", names.UNUSED_STAGE),
    "STC208": Rule("STC208", "two-default-stages", ERROR, "Two default stages for one type of service", names.TWO_DEFAULT_STAGES),

    # Stages and graph
    "STC301": Rule("STC301", "dependency-cycle", ERROR, "Services that wait for each other", graph.DEPENDENCY_CYCLE),
    "STC302": Rule("STC302", "later-stage-dependency", ERROR, "A dependency on a service of a later stage", graph.LATER_STAGE_DEPENDENCY),
    "STC303": Rule("STC303", "skipped-dependency", WARNING, "A dependency on a skipped service", graph.SKIPPED_DEPENDENCY),
    "STC304": Rule("STC304", "self-dependency", ERROR, "A service that depends on itself", graph.SELF_DEPENDENCY),
    "STC305": Rule("STC305", "missing-base", ERROR, "The base that a spec extends cannot be read", graph.MISSING_BASE),
    "STC306": Rule("STC306", "extends-loop", ERROR, "A spec that extends itself", graph.EXTENDS_LOOP),

    # Resources and quantities
    "STC401": Rule("STC401", "build-exceeds-pool", ERROR, "A build that the pool can never hold", resources.BUILD_EXCEEDS_POOL),
    "STC402": Rule("STC402", "pool-limits-parallelism", NOTE, "The pool holds fewer builds than parallelism allows", resources.POOL_LIMITS_PARALLELISM),
    "STC403": Rule("STC403", "replicas-max-below-min", ERROR, "Fewer replicas at most than at least", resources.REPLICAS_MAX_BELOW_MIN),
    "STC404": Rule("STC404", "ambiguous-quantity", ERROR, "A quantity that is malformed or likely a slip", resources.AMBIGUOUS_QUANTITY),
    "STC405": Rule("STC405", "public-port-collision", ERROR, "Two public ports under the same host and path", resources.PUBLIC_PORT_COLLISION),
    "STC406": Rule("STC406", "probe-kinds", ERROR, "A health check of no kind or of several", resources.PROBE_KINDS),
    "STC407": Rule("STC407", "probe-port-unknown", WARNING, "A health check of a port that the service does not declare", resources.PROBE_PORT_UNKNOWN),
    "STC408": Rule("STC408", "duplicate-port", ERROR, "A port declared twice", resources.DUPLICATE_PORT),
    "STC409": Rule("STC409", "storage-with-autoscaling", WARNING, "A replica range for a service with storage", resources.STORAGE_WITH_AUTOSCALING),
    "STC410": Rule("STC410", "bad-cron-schedule", ERROR, "A cron schedule that never runs or is malformed", resources.BAD_CRON_SCHEDULE),
    "STC411": Rule("STC411", "unknown-timezone", ERROR, "A time zone that does not exist", resources.UNKNOWN_TIMEZONE),
    "STC412": Rule("STC412", "duplicate-mount", ERROR, "Two things mounted at the same path", resources.DUPLICATE_MOUNT),

    # Sources, images and Dockerfiles
    "STC501": Rule("STC501", "mutable-image-tag", WARNING, "An image without a fixed version", sources.MUTABLE_IMAGE_TAG),
    "STC502": Rule("STC502", "malformed-image", ERROR, "An image reference that no registry accepts", sources.MALFORMED_IMAGE),
    "STC503": Rule("STC503", "path-outside-repository", ERROR, "A path that leaves the repository", sources.PATH_OUTSIDE_REPOSITORY),
    "STC504": Rule("STC504", "missing-dockerfile", ERROR, "A Dockerfile that does not exist", sources.MISSING_DOCKERFILE),
    "STC505": Rule("STC505", "missing-path", ERROR, "A folder or file that does not exist", sources.MISSING_CONTEXT),
    "STC506": Rule("STC506", "unknown-build-target", ERROR, "A build target that the Dockerfile does not have", sources.UNKNOWN_BUILD_TARGET),
    "STC507": Rule("STC507", "unreadable-dockerfile", ERROR, "A Dockerfile that cannot be built", sources.UNREADABLE_DOCKERFILE),
    "STC508": Rule("STC508", "registry-needed", ERROR, "Images are built, but no registry takes them", sources.REGISTRY_NEEDED),
    "STC509": Rule("STC509", "malformed-repository", ERROR, "A repository that is neither a path nor a Git URL", sources.MALFORMED_REPOSITORY),
    "STC510": Rule("STC510", "missing-history", ERROR, "A Git history that is not here", sources.MISSING_HISTORY),
    "STC511": Rule("STC511", "revision-unreadable", ERROR, "A revision whose files cannot be read", sources.REVISION_UNREADABLE),
    "STC512": Rule("STC512", "history-elsewhere", WARNING, "A build whose history is in another repository", sources.HISTORY_ELSEWHERE),

    # Variables and secrets
    "STC601": Rule("STC601", "unknown-variable", ERROR, "An interpolated variable that does not exist", variables.UNKNOWN_VARIABLE),
    "STC602": Rule("STC602", "variable-cycle", ERROR, "Variables that are made of each other", variables.VARIABLE_CYCLE),
    "STC603": Rule("STC603", "unknown-alias", ERROR, "An alias of a variable that does not exist", variables.UNKNOWN_ALIAS),
    "STC604": Rule("STC604", "literal-secret", WARNING, "What looks like a secret stands in the file", variables.LITERAL_SECRET),
    "STC605": Rule("STC605", "secret-build-argument", ERROR, "A secret as a build argument", variables.SECRET_BUILD_ARGUMENT),
    "STC606": Rule("STC606", "per-environment-build-argument", WARNING, "A build argument that differs per environment", variables.PER_ENVIRONMENT_BUILD_ARGUMENT),
    "STC607": Rule("STC607", "malformed-interpolation", ERROR, "Braces that are not an interpolation", variables.MALFORMED_INTERPOLATION),
    "STC608": Rule("STC608", "bad-variable-name", ERROR, "A name that no environment variable can have", variables.BAD_VARIABLE_NAME),
    "STC609": Rule("STC609", "output-of-later-job", ERROR, "A job's output that is used before the job has run", variables.OUTPUT_OF_LATER_JOB),

    # Targets and output
    "STC701": Rule("STC701", "target-cannot-express", ERROR, "Something that a target has no way to express", outputs.TARGET_CANNOT_EXPRESS),
    "STC702": Rule("STC702", "target-limits", NOTE, "Something that a target expresses differently", outputs.TARGET_LIMITS),
    "STC703": Rule("STC703", "output-not-ours", ERROR, "A file in the output that a person wrote or changed", outputs.OUTPUT_NOT_OURS),
    "STC704": Rule("STC704", "stale-output", ERROR, "The output does not match the spec", outputs.STALE_OUTPUT),
    "STC705": Rule("STC705", "values-not-a-mapping", ERROR, "Helm values that are not a mapping", outputs.VALUES_NOT_A_MAPPING),
    "STC706": Rule("STC706", "output-manifest-damaged", ERROR, "The output's manifest cannot be read", outputs.OUTPUT_MANIFEST_DAMAGED),
    "STC707": Rule("STC707", "image-lock-mismatch", ERROR, "A lock of images that is not of this plan", outputs.IMAGE_LOCK_MISMATCH),
    "STC708": Rule("STC708", "unsafe-upgrade", ERROR, "A change that Kubernetes refuses or that loses data", outputs.UNSAFE_UPGRADE),
    "STC709": Rule("STC709", "unknown-past", WARNING, "A previous plan that cannot be compared with", outputs.UNKNOWN_PAST),

    # Project file
    "STC803": Rule("STC803", "output-outside-repository", ERROR, "An output folder outside the repository", project.OUTPUT_OUTSIDE_REPOSITORY),
    "STC804": Rule("STC804", "unknown-code", ERROR, "A diagnostic code that does not exist", project.UNKNOWN_CODE),
    "STC805": Rule("STC805", "unused-ignore", NOTE, "An ignore that suppresses nothing", project.UNUSED_IGNORE),
    "STC806": Rule("STC806", "overlapping-outputs", ERROR, "An output folder inside another", project.OVERLAPPING_OUTPUTS),

    # Practices of Dockerfiles
    "STC901": Rule("STC901", "unpinned-base", WARNING, "A base image without a fixed version", bases.UNPINNED_BASE),
    "STC902": Rule("STC902", "late-system-packages", WARNING, "System packages that are installed after files that change", caching.LATE_SYSTEM_PACKAGES),
    "STC903": Rule("STC903", "early-changing-argument", WARNING, "A changing argument before steps that do not use it", caching.EARLY_CHANGING_ARGUMENT),
    "STC904": Rule("STC904", "broad-copy-without-ignore", WARNING, "A copy of everything, with what no build needs", caching.BROAD_COPY_WITHOUT_IGNORE),
    "STC905": Rule("STC905", "update-alone", WARNING, "A package list that is updated in a step of its own", caching.UPDATE_ALONE),
    "STC906": Rule("STC906", "package-cache-in-image", WARNING, "A package cache that is left in the image", caching.PACKAGE_CACHE_IN_IMAGE),
    "STC907": Rule("STC907", "toolchain-in-image", WARNING, "A final stage that compiles what could run without the compiler", separation.TOOLCHAIN_IN_IMAGE),
    "STC908": Rule("STC908", "dependencies-after-sources", WARNING, "Dependencies that are installed after files that change", separation.DEPENDENCIES_AFTER_SOURCES),
    "STC909": Rule("STC909", "no-cache-mount", NOTE, "An installation that downloads everything again", caching.NO_CACHE_MOUNT),
}
# fmt: on
