"""Gets and builds the programs that are compared, into one folder under target/.

Nothing is installed on the machine: Debian's packages are downloaded with apt and unpacked, so that
no service of theirs is ever set up, and Python's go into an environment of their own.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHOP = ROOT / "target" / "side-by-side"
RELEASE = ROOT / "target" / "release"


class Unavailable(Exception):
    """A program that cannot be had on this machine, and why."""


def quietly(*command, cwd=ROOT, env=None):
    """Runs a command whose output matters only if it fails."""
    env = {**os.environ, "LC_ALL": "C", **(env or {})}
    try:
        done = subprocess.run(command, cwd=cwd, env=env, text=True, timeout=1800,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from None
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["no output"]
        said = next((line for line in lines if line.startswith(("E:", "error", "ERROR"))), lines[-1])
        raise Unavailable(f"`{' '.join(map(str, command[:3]))}` failed: {said.strip()}")


def once(function):
    """Remembers what a function made, or why it could not: nothing is tried twice in a run."""
    made = {}

    def remembering(*key):
        if key not in made:
            try:
                made[key] = function(*key)
            except Unavailable as error:
                made[key] = error
        if isinstance(made[key], Unavailable):
            raise made[key]
        return made[key]
    return remembering


@once
def refresh_package_lists():
    """Without lists, as in a fresh container, apt knows no package."""
    if os.geteuid() == 0 and not list(pathlib.Path("/var/lib/apt/lists").glob("*Packages*")):
        quietly("apt-get", "update", "-q")


@once
def deb(package):
    """Unpacks a Debian package and what it needs; gives the folder in which its /usr lies."""
    unpacked = SHOP / "deb" / package
    if (unpacked / "complete").exists():
        return unpacked
    refresh_package_lists()
    archives = SHOP / "archives" / package
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    quietly("apt-get", "install", "-y", "--no-install-recommends", "--reinstall", "--download-only",
            "-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1",
            "-o", "APT::Sandbox::User=", package)
    unpacked.mkdir(parents=True, exist_ok=True)
    for archive in sorted(archives.glob("*.deb")):
        quietly("dpkg", "-x", archive, unpacked)
    (unpacked / "complete").touch()
    return unpacked


def libraries(unpacked):
    """The environment in which a program of an unpacked package finds its libraries."""
    library = unpacked / "usr" / "lib"
    folders = [library, *sorted(library.glob("*-linux-gnu"))]
    return {"LD_LIBRARY_PATH": ":".join(map(str, folders))}


@once
def venv(package):
    """An environment with a package of Python; gives its bin folder."""
    folder = SHOP / "venv" / package
    if not (folder / "bin" / "python").exists():
        quietly(sys.executable, "-m", "venv", folder)
    quietly(folder / "bin" / "pip", "install", "-q", package)
    return folder / "bin"


@once
def loop(name):
    """Builds the loop around one of the Rust libraries."""
    package, flags = ("loops-heim", []) if name == "heim" else ("loops", ["--features", name, "--bin", name])
    quietly("cargo", "build", "--release", "--locked", *flags, cwd=HERE / package,
            env={"CARGO_TARGET_DIR": str(SHOP / "loops")})
    return SHOP / "loops" / "release" / ("side-by-side-heim" if name == "heim" else name)


@once
def floor():
    """Compiles the floor."""
    program = SHOP / "floor"
    SHOP.mkdir(parents=True, exist_ok=True)
    quietly("gcc", "-O2", "-o", program, HERE / "floor.c")
    return program


@once
def perfwatch(package, binary):
    """Builds a binary of this repository. That this fails is a failure of the comparison."""
    try:
        quietly("cargo", "build", "--release", "--locked", "-p", package, "--bin", binary)
    except Unavailable as error:
        sys.exit(f"side-by-side: {error}")
    return RELEASE / binary
