"""The front door: `nox -l` lists what can be run, `nox -s NAME` runs it."""

import os
import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
# uv, where nox was installed as `nox[uv]`: seconds a session, where pip takes half a minute.
nox.options.default_venv_backend = "uv|venv"
# uv has certificates of its own, without the authority of a company whose proxy it goes through.
os.environ.setdefault("UV_SYSTEM_CERTS", "true")
# As pip does: the tests start hundreds of processes.
os.environ.setdefault("UV_COMPILE_BYTECODE", "true")
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "properties", "package"]

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
CONSTRAINTS = str(ROOT / "constraints.txt")
EXTRAS = (
    "cli,contracts,kafka,nats,otel,postgres,prometheus,rabbitmq,redis,redis-streams,sqlite,sync,web"
)
"""What the tests and the type checker need of the package's extras: all of them."""
CELERY = "celery>=5.5"
"""A host of the tests that the package knows nothing of."""
PATIENT = ("-o", "faulthandler_timeout=600")
"""A long edition that fails spends minutes on its smallest failing case: let it tell that."""
SIDE_BY_SIDE = ("--numprocesses=4", "--dist=loadfile", "--no-loadscope-reorder")
"""Most tests wait more than they work: four processes keep two cores busy. The files keep their
order: xdist would start those with few tests last, and they are the long ones here."""
CHECKED = (
    "domain",
    "ports",
    "adapters",
    "contracts",
    "tests",
    "benchmarks",
    "src",
    "examples",
    "docs",
    "noxfile.py",
)


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """Install the checkout (editable) and dependency groups, all at the pinned versions."""
    requirements = [
        line for group in groups for line in nox.project.dependency_groups(PROJECT, group)
    ]
    package = ["-e", f".[{extras}]" if extras else "."]
    session.install("--quiet", "-c", CONSTRAINTS, *package, *requirements)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job, told step by step against a real service: `shelfport demo --once`."""
    install(session, extras="cli")
    session.run("shelfport", "demo", *(session.posargs or ["--once"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, forbidden imports, and the direction of every arrow."""
    install(session, "lint", extras=EXTRAS)
    session.run("ruff", "check", *CHECKED)
    session.run("ruff", "format", "--check", *CHECKED)
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, over the package and the tests; pyright over what pages and examples show."""
    install(session, "types", "bench", "fleet", extras=EXTRAS)
    session.install("--quiet", "-c", CONSTRAINTS, CELERY)  # pyright looks for what a page imports
    session.run("mypy", "-p", "shelfport")
    session.run("mypy", "tests", "noxfile.py", "src/pytest_shelfport.py")
    session.run("mypy", *map(str, sorted((ROOT / "examples" / "hosts").glob("*.py"))))
    session.run("mypy", "-p", "benchmarks")
    session.run("python", "-m", "tests.docs.check_pyright", env={"PYTHONPATH": "."})


@nox.session
def tests(session: nox.Session) -> None:
    """The default tests; domain/ and ports/ with branch coverage. What needs a server may skip."""
    install(session, "tests", extras=EXTRAS)
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "--quiet", "tests/domain", "tests/ports")
    session.run("coverage", "combine", "--quiet")
    session.log("branch coverage of domain/ and ports/, by their own tests, must be 100 %")
    session.run("coverage", "report", "--include=domain/*,ports/*", "--fail-under=100")
    session.run("pytest", *SIDE_BY_SIDE)


@nox.session
def coverage(session: nox.Session) -> None:
    """The default tests with branch coverage of everything: which lines no test runs."""
    install(session, "tests", extras=EXTRAS)
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *SIDE_BY_SIDE)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--fail-under=95")


@nox.session
def properties(session: nox.Session) -> None:
    """The property tests at length; the default tests run a short edition of them."""
    install(session, "tests", extras=EXTRAS)
    env = {"HYPOTHESIS_PROFILE": "long"}
    session.run(
        "pytest",
        "tests/properties",
        "--hypothesis-show-statistics",
        *PATIENT,
        *session.posargs,
        env=env,
    )


@nox.session
def faults(session: nox.Session) -> None:
    """Faults at full length, over sockets and in virtual time: prints its figures."""
    install(session, "tests", extras=EXTRAS)
    session.run(
        "pytest",
        "tests/faults",
        "tests/properties/test_scope_healthy.py",
        "tests/properties/test_scope_dead.py",
        *PATIENT,
        *session.posargs,
        env={"SHELFPORT_LONG": "1"},
    )


@nox.session
def durability(session: nox.Session) -> None:
    """Hosts and workers killed at random, 2,000 products on each database; prints its figures."""
    install(session, "tests", extras=EXTRAS)
    session.run(
        "pytest", "tests/durability", *PATIENT, *session.posargs, env={"SHELFPORT_LONG": "1"}
    )


@nox.session
def services(session: nox.Session) -> None:
    """What talks to real servers, at full length: databases, Redis, and every bus."""
    install(session, "tests", extras=EXTRAS)
    session.run("pytest", "tests/services", *PATIENT, *session.posargs, env={"SHELFPORT_LONG": "1"})


@nox.session
def fleet(session: nox.Session) -> None:
    """A day of 1,000 hosts, simulated; `-- --real`: 20 processes beside it; `-- --write`: plots."""
    install(session, "tests", "fleet", extras=EXTRAS)
    session.run("python", "-m", "benchmarks.fleet", *session.posargs, env={"PYTHONPATH": "src:."})


@nox.session
def hosts(session: nox.Session) -> None:
    """Every example host started, driven, ended by SIGTERM; 10,000 requests at four workers."""
    install(session, "tests", extras=EXTRAS)
    # Only here: they belong to no other test. gunicorn's and Celery's gevent workers need gevent.
    session.install("--quiet", "-c", CONSTRAINTS, CELERY, "gevent>=24.10.1")
    session.run("pytest", "tests/hosts", *session.posargs, env={"SHELFPORT_LONG": "1"})


@nox.session
def contracts(session: nox.Session) -> None:
    """The pact: generated again, compared, proven by the consumer; `-- --write` renews it."""
    install(session, "tests", extras=EXTRAS)
    pact = "contracts/pacts/shelfport-inventory-service.json"
    if "--write" in session.posargs:
        session.run("shelfport", "contracts", "generate", "--write", pact)
    session.run("shelfport", "contracts", "generate", "--pact", pact)
    session.run(
        "pytest",
        "tests/contracts/pact",
        "tests/contracts/test_inventory_service_yaml.py",
        "tests/contracts/test_inventory_events_yaml.py",
        "tests/adapters/events",
        "tests/properties/test_contract_payloads.py",
        *PATIENT,
        env={"HYPOTHESIS_PROFILE": "long", "PACT_DO_NOT_TRACK": "true"},
    )
    session.run("python", "tests/contracts/pact/second_opinion.py")


@nox.session
def schemathesis(session: nox.Session) -> None:
    """Requests drawn from inventory-service.yaml, valid and not, against the sandbox."""
    install(session, "tests", "schemathesis", extras=EXTRAS)
    session.run("python", "tests/contracts/schemathesis/run.py", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """Provider verification: the sandbox keeps the pact, and fourteen broken ones do not."""
    install(session, "tests", extras=EXTRAS)
    session.run(
        "pytest",
        "tests/contracts/verify",
        "tests/contracts/sandbox/test_provider_states.py",
        "tests/contracts/test_tool.py",
        "tests/contracts/test_pact_files.py",
        "tests/adapters/cli/contracts/test_verification.py",
        *session.posargs,
        env={"SHELFPORT_LONG": "1"},
    )


@nox.session
def broker(session: nox.Session) -> None:
    """Both teams' pipelines, against a double of the broker or PACT_BROKER_BASE_URL."""
    install(session, "tests", extras=EXTRAS)
    session.run(
        "pytest",
        "tests/contracts/broker",
        "tests/adapters/cli/contracts/test_broker_commands.py",
        "tests/adapters/cli/contracts/test_checkout.py",
        *session.posargs,
        env={"SHELFPORT_LONG": "1"},
    )


@nox.session
def docs(session: nox.Session) -> None:
    """The pages, built with warnings as errors, every link and block checked; `-- --write`.

    With `--write` what is made from the code is written anew. The pages are in build/docs.
    """
    install(session, "docs", "types", extras=EXTRAS)
    if "--write" in session.posargs:
        session.run("python", "-m", "docs.generate")
    pages = ("docs", "build/docs")
    session.run("sphinx-build", "-E", "-W", "--keep-going", "-q", "-b", "html", *pages)
    session.run("pytest", "tests/docs", "tests/test_docs.py", "tests/test_log_catalogue.py")
    session.run("python", "-m", "tests.docs.check_types", env={"PYTHONPATH": "."})
    session.log("external links were checked for their form alone: nobody asked the network")


@nox.session
def mutation(session: nox.Session) -> None:
    """Mutation testing of the layers and the domain, module by module; resumable."""
    install(session, "tests", "mutation", extras=EXTRAS)
    session.run("python", "tests/mutation/run.py", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Every parser of foreign input, over a million damaged inputs; goes on where it ended."""
    install(session, "tests", extras=EXTRAS)
    session.run("python", "-m", "tests.fuzz.run", *session.posargs, env={"PYTHONPATH": "src:."})


@nox.session
def audit(session: nox.Session) -> None:
    """Insecure code, licences of what the package needs, known holes in it (needs the network)."""
    install(session, "audit", extras=EXTRAS)
    session.run("ruff", "check", "--select", "S", *CHECKED)
    session.run("python", str(ROOT / "tests/audit/licences.py"))
    session.run("python", str(ROOT / "tests/audit/holes.py"))


@nox.session
def bench(session: nox.Session) -> None:
    """What shelfport costs beside bare aiohttp and assembled peers; `-- P3 P4` for some rows."""
    install(session, "bench", extras="redis")
    # What it takes to start is measured where nothing is installed that it does not require.
    core = Path(session.create_tmp()).resolve() / "core"
    if not core.exists():
        session.run("python", "-m", "venv", str(core), silent=True)
    python = str(core / "bin" / "python")
    session.run(
        python, "-m", "pip", "install", "--quiet", "-c", CONSTRAINTS, "-e", ".", external=True
    )
    env = {"SHELFPORT_BENCH_CORE_PYTHON": python, "PYTHONPATH": "."}
    session.run("python", "-m", "benchmarks.run", *session.posargs, env=env)


@nox.session
def browser(session: nox.Session) -> None:
    """The shop and the ops page in a real Chromium, axe-core, and what a storm costs."""
    install(session, "tests", "browser", extras=EXTRAS)
    here = {"PYTHONPATH": str(ROOT)}
    session.run("python", "-m", "tests.browser.chromium", env=here)  # installs it where it can
    session.run("pytest", "tests/browser", *PATIENT, *session.posargs, env={"SHELFPORT_LONG": "1"})
    session.run("python", "-m", "tests.browser.storm", env=here)


@nox.session
def pictures(session: nox.Session) -> None:
    """Makes the documentation's pictures anew, in docs/pictures."""
    install(session, "tests", "browser", extras=EXTRAS)
    where = str(ROOT / "docs" / "pictures")
    session.run("python", "-m", "tests.browser.pictures", where, env={"PYTHONPATH": str(ROOT)})


@nox.session
def package(session: nox.Session) -> None:
    """The wheel, built from the sdist, installed and used away from the checkout."""
    session.install(
        "--quiet", "-c", CONSTRAINTS, *nox.project.dependency_groups(PROJECT, "package")
    )
    # Not below the checkout: pytest and mypy would find its pyproject.toml, and so its sources.
    with tempfile.TemporaryDirectory() as folder:
        away = Path(folder)
        session.run("python", "-m", "build", "--outdir", str(away / "dist"), str(ROOT), silent=True)
        [wheel] = (away / "dist").glob("*.whl")
        session.run("python", str(ROOT / "tests/package/compare.py"), str(wheel), str(ROOT))
        session.run("python", "-m", "venv", str(away / "venv"))
        python = str(away / "venv" / "bin" / "python")
        wanted = [f"{wheel}[cli]", "mypy", "pytest", "pytest-asyncio"]
        session.run(
            python, "-m", "pip", "install", "--quiet", "-c", CONSTRAINTS, *wanted, external=True
        )
        shutil.copytree(ROOT / "tests" / "package", away / "work")
        session.chdir(away / "work")
        env = {"PYTHONPATH": None}
        for command in (
            (python, "-m", "pytest", "-q", "installed.py"),
            (python, "-m", "pytest", "-q", "conformance_from_the_wheel.py"),
            (python, "-m", "mypy", "--strict", "uses_public_api.py"),
            (str(away / "venv" / "bin" / "shelfport"), "demo", "--once"),
        ):
            session.run(*command, external=True, env=env)
        session.chdir(ROOT)
