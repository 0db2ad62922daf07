# SPDX-License-Identifier: MIT
"""Goal: the manual pages say all that the program can do, and nothing else; they are well-formed.
Method: the built pages, rendered as a reader sees them, against --help and `config keys`; man and mandoc look for
mistakes."""
import pathlib
import re
import shutil
import subprocess

from harness import QGATE, USAGE, Skip, check, main, same

SHARE = pathlib.Path(QGATE).parent / "share/man"
PAGES = {"qgate": SHARE / "man1/qgate.1", "qgate.toml": SHARE / "man5/qgate.toml.5"}


def rendered(name):
    if shutil.which("man") is None:
        raise Skip("man is not installed")
    environment = {"PATH": "/usr/bin:/bin", "MANWIDTH": "1000", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"}
    done = subprocess.run(["man", "--warnings", "-l", PAGES[name]], capture_output=True, text=True, check=True,
                          timeout=100, env=environment)
    same("", done.stderr, f"warnings of {name}")
    return re.sub(r"[ \t]+", " ", done.stdout)


def commands(bench, *path):
    """Each last command with its flags and the first line of its help."""
    text = bench.run(*path, "--help").out
    part = text.partition("Subcommands:")[2].partition("\n\n")[0]
    names = re.findall(r"^  ([a-z]+) ", part, re.MULTILINE)
    if not names:
        return {path: (re.findall(r"^  (?:-\w,)?(--[a-z-]+)", text, re.MULTILINE), text.splitlines()[0])}
    return {k: v for name in names for k, v in commands(bench, *path, name).items()}


def test_every_command_and_flag(bench):
    page = rendered("qgate")
    section = page.partition("\nCOMMANDS\n")[2].partition("\nOPTIONS\n")[0]
    entries = re.split(r"\n(?= [a-z])", section)
    for path, (flags, first) in commands(bench).items():
        entry = [e for e in entries if re.match(rf"\s*{' '.join(path)}(?: [\[\-A-Z]|\n| {first[:8]})", e)]
        same(1, len(entry), f"entries of {path}")
        check(first in page, f"{path}: {first}")
        said = set(re.findall(r"(?<![\w-])--[a-z-]+", entry[0]))
        check(set(flags) - {"--help"} <= said, f"{path}: not in the page: {set(flags) - said}")
    for flag in ("--json", "-q, --quiet", "-v, --verbose", "--config FILE", "--control SOCKET", "--version"):
        check(f"\n {flag}" in page.partition("\nOPTIONS\n")[2], f"{flag} is missing")


def test_exit_codes_are_those_of_the_program(bench):
    page = rendered("qgate").partition("\nEXIT STATUS\n")[2].partition("\nENVIRONMENT\n")[0]
    helped = re.findall(r"^ +(\d+)  (.*)$", bench.run("--help").out, re.MULTILINE)
    check(len(helped) == 14, f"{helped}")
    same(helped, [(n, m) for n, m in re.findall(r"^ (\d+) (.*) \(\w+\)$", page, re.MULTILINE)], "exit codes")


def test_every_setting(bench):
    page = rendered("qgate.toml")
    section = page.partition("\nKEYS\n")[2].partition("\nCHECKING\n")[0]
    keys = bench.run("--json", "config", "keys").json()["keys"]
    for key in keys:
        wanted = (f"{key['meaning']}. It takes {key['takes']}. Default: {key['default'] or 'none'}. "
                  f"Also {key['flag']} and {key['variable']}.")
        check(wanted in section.replace("\n", " ").replace("  ", " "), f"{wanted}\n{section}")
        same(key["reloads"], "on HUP" in section.partition(key["variable"])[2].partition("Also")[0], key["key"])
    same(len(keys), section.count("It takes "), "keys of the page")


def test_mandoc_finds_no_mistake(_):
    if shutil.which("mandoc") is None:
        raise Skip("mandoc is not installed (tools/install --tests installs it)")
    for page in PAGES.values():
        done = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, timeout=100, check=False)
        # A page without a date can be built twice and stay the same; the lines of the source nobody reads.
        lines = [line for line in done.stdout.splitlines()
                 if "missing date" not in line and "longer than 80 bytes" not in line]
        same([], lines, f"mandoc on {page.name}")


def test_a_template_that_misses_a_command_is_refused(bench):
    template = bench.path("t.in")
    template.write_text("@command status\n")
    result = bench.run("manual", template)
    same(USAGE, result.code, f"{result}")
    check("says nothing of" in result.err, result.err)
    template.write_text("@command nonsense\n")
    check("which is no command" in bench.run("manual", template).err, "unknown command")


main(globals())
