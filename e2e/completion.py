# SPDX-License-Identifier: MIT
"""Goal: Tab completes commands, flags and values in bash, zsh and fish, and knows exactly what the program knows.
Method: the real shells; bash and zsh by keys typed on a terminal, fish by its own `complete -C`."""
import re
import shutil
import subprocess

from harness import OK, QGATE, USAGE, Skip, Terminal, check, main, same


def script(bench, shell):
    """The script in a file, and the program under its own name first in the path."""
    made = bench.run("completion", shell)
    same(OK, made.code, f"completion {shell}: {made}")
    folder = bench.path("bin")
    folder.mkdir(exist_ok=True)
    if not (folder / "qgate").exists():
        shutil.copy(QGATE, folder / "qgate")
    bench.environment["PATH"] = f"{folder}:{bench.environment['PATH']}"
    file = bench.path(f"completion.{shell}")
    file.write_text(made.out)
    return file


def needs(shell):
    if shutil.which(shell) is None:
        raise Skip(f"{shell} is not installed (tools/install --tests installs it)")


# What is typed, and the line that Tab makes of it.
LINES = [
    ("qgate iden\t", "qgate identity "),
    ("qgate identity pas\t", "qgate identity passwd "),
    ("qgate --json con\t", "qgate --json config "),
    ("qgate --control /x/y pee\t", "qgate --control /x/y peer "),
    ("qgate node run --listen 127.0.0.1:0 --sess\t", "qgate node run --listen 127.0.0.1:0 --sessions-max "),
    ("qgate node run --log-level warn\t", "qgate node run --log-level warning "),
    ("qgate config show --eff\t", "qgate config show --effective "),
    ("qgate completion fi\t", "qgate completion fish "),
    ("qgate gss new /dev/nul\t", "qgate gss new /dev/null "),
    ("qgate file receive --into /et\t", "qgate file receive --into /etc/"),
]


class Shell:
    """An interactive shell; the line that Tab makes is shown by running it as an argument of `show`."""

    def __init__(self, bench, program, start):
        self.terminal = Terminal(bench, [], program=program, environment={"PS1": "", "LC_ALL": "C.UTF-8"})
        # The mark is put together by the shell, so that its own echo is not taken for it.
        self.terminal.type(start + "\necho ready''-to-go\n")
        self.at = self.terminal.expect("ready-to-go")

    def line_after(self, keys):
        # ^A and two words in front: the shell prints the completed line in place of running it.
        self.terminal.type(keys + "\x01show '\x05'\n")
        end = self.terminal.expect(">>>", self.at)
        self.at = self.terminal.expect("<<<", end)
        return self.terminal.seen[end:self.at - 3]


SHOW = "show() { printf '%s%s%s\\n' '>>''>' \"$*\" '<<''<'; }"


def completes(shell, lines):
    for keys, expected in lines:
        # Whether a blank or slash follows a single match is the shell's business.
        same(expected.rstrip(" /"), shell.line_after(keys).rstrip(" /"), f"{keys!r}")


def bash(bench):
    needs("bash")
    file = script(bench, "bash")
    return Shell(bench, ["bash", "--norc", "--noprofile", "-i"], f"bind 'set bell-style none'; {SHOW}; source {file}")


def zsh(bench):
    needs("zsh")
    file = script(bench, "zsh")
    return Shell(bench, ["zsh", "-f", "-i"],
                 f"unsetopt beep; PROMPT=; autoload -U compinit; compinit -u -D; bindkey -e; {SHOW}; source {file}")


def test_bash(bench):
    completes(bash(bench), LINES)


def test_zsh(bench):
    completes(zsh(bench), LINES)


def test_zsh_finds_the_installed_file(bench):
    needs("zsh")
    folder = bench.path("functions")
    folder.mkdir()
    script(bench, "zsh").rename(folder / "_qgate")
    start = f"unsetopt beep; PROMPT=; fpath=({folder} $fpath); autoload -U compinit; compinit -u -D; bindkey -e; {SHOW}"
    completes(Shell(bench, ["zsh", "-f", "-i"], start), LINES)


def fish_offers(bench, file, line):
    done = subprocess.run(["fish", "--no-config", "-c", f"source {file}; complete -C {line!r}"], env=bench.environment,
                          capture_output=True, text=True, timeout=100, check=False)
    same(("", 0), (done.stderr, done.returncode), f"fish: {done}")
    return [offer.split("\t")[0] for offer in done.stdout.splitlines()]


def test_fish(bench):
    needs("fish")
    file = script(bench, "fish")
    for keys, expected in LINES:
        line = keys.rstrip("\t")
        check(expected.split()[-1] in fish_offers(bench, file, line), f"{line}: {fish_offers(bench, file, line)}")
    offers = fish_offers(bench, file, "qgate node run --log-level ")
    same(["debug", "error", "info", "warning"], sorted(offers), "no files among them")


def test_peers_are_offered(bench):
    a, b = bench.pair()
    bench.environment["QG_CONTROL"] = str(a.control)
    tried = 0
    for name, shell in (("bash", bash), ("zsh", zsh)):
        if shutil.which(name) is not None:
            completes(shell(bench), [(f"qgate file send {b.uuid[:3]}\t", f"qgate file send {b.uuid}"),
                                     (f"qgate peer disconnect {b.uuid[:3]}\t", f"qgate peer disconnect {b.uuid}")])
            tried += 1
    if shutil.which("fish") is not None:
        same([b.uuid], fish_offers(bench, script(bench, "fish"), "qgate peer disconnect "), "fish")
        tried += 1
    check(tried > 0, "no shell at all")


def commands(bench, *path):
    """Each command with its flags, as --help shows them."""
    text = bench.run(*path, "--help").out
    found = {path: sorted(set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", text, re.MULTILINE)))}
    part = text.partition("Subcommands:")[2].partition("\n\n")[0]
    for name in re.findall(r"^  ([a-z]+) ", part, re.MULTILINE):
        found.update(commands(bench, *path, name))
    return found


def test_scripts_hold_every_command_and_flag(bench):
    known = commands(bench)
    check(len(known) > 20, f"{known}")
    for shell in ("bash", "zsh", "fish"):
        text = bench.run("completion", shell).out
        for path, flags in known.items():
            for word in [*path, *flags]:
                plain = word.lstrip("-")
                check(re.search(rf"(?<![\w-])(?:--)?{re.escape(plain)}(?![\w-])", text), f"{shell}: {path}: {word}")
    bench.refused(USAGE, "completion", "tcsh", says="bash, zsh or fish")
    same("fish", bench.run("--json", "completion", "fish").json()["shell"], "in JSON")


main(globals())
