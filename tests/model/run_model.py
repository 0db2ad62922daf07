#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Goal: the properties of a state-machine model of docs/spec/model hold in every state, and are not empty words.
Method: spin and gcc make a verifier of each run that the head of the model names. It must search all states without an
error, and each line must be executed in one of the runs, if it does not say `never`. Each mutation must break just the
property that the head names for it.

Usage: run_model.py MODEL.pml        exit code 77: spin is not installed"""
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PARALLEL = 2  # as the test says to ctest
DEPTH_MAX = 1_000_000
MEMORY_MB = 1024
SECONDS_MAX = 120


class Failure(Exception):
    pass


def parse_head(text):
    """The lines `run NAME [-DX...] [progress] comment` and `mutation NAME RUN PROPERTY`."""
    runs, mutations = {}, []
    for words in (line.split() for line in re.findall(r"^ \* ((?:run|mutation) .*)$", text, re.MULTILINE)):
        if words[0] == "run":
            defines = [word for word in words[2:] if word.startswith("-D")]
            runs[words[1]] = (defines, "progress" in words[2:3 + len(defines)])
        else:
            mutations.append(tuple(words[1:4]))
    return runs, mutations


def call(command, folder):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
    return done.stdout


def verify(model, defines, progress, optimise="-O1"):
    """(number of errors, broken property or None, executed_lines(), the verifier's words)"""
    with tempfile.TemporaryDirectory(prefix="qg_model_") as folder:
        for source in model.parent.iterdir():
            if source.suffix in (".pml", ".inc"):
                shutil.copy(source, folder)
        call(["spin", "-a", *defines, model.name], folder)
        kind = "-DNP" if progress else "-DSAFETY"
        call(["gcc", optimise, "-w", kind, f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"], folder)
        said = call(["./pan", f"-m{DEPTH_MAX}", *(["-l"] if progress else [])], folder)
        found = re.search(r"errors: (\d+)", said)
        if not found:
            raise Failure(f"the verifier did not come to an end:\n{said[-4000:]}")
        errors = int(found.group(1))
        broken = None
        if errors:
            trail = call(["./pan", "-r", "-S"], folder) if not progress else ""
            names = set(re.findall(r"must\((\w+)", model.read_text(encoding="utf-8")))
            words = [word for word in re.findall(r"\w+", trail) if word in names]
            if "non-progress cycle" in said:
                broken = "no_livelock"
            elif "invalid end state" in said.split("Full statespace")[0]:
                broken = "no_deadlock"
            elif words:
                broken = words[-1]
            else:
                raise Failure(f"an error that is no property:\n{said[-4000:]}")
        for trouble in ("max search depth too small", "Search not completed", "out of memory"):
            if trouble in said and not errors:
                raise Failure(f"the search is not complete ({trouble}):\n{said[-4000:]}")
        code = pathlib.Path(folder, "pan.m").read_text(encoding="utf-8")
        return errors, broken, executed_lines(code, said), said


def executed_lines(code, said):
    """(all lines of the model with a statement that does something, those of which one was executed). An inline is as
    often in the verifier as it is used; a line counts as executed if it was in one of these places."""
    every, executed = set(), set()
    missed = set()
    for part in re.split(r"^unreached in ", said, flags=re.MULTILINE)[1:]:
        name = part.split("\n", 1)[0].split()[-1]
        missed |= {(name, state) for state in re.findall(r"^\s+[\w./]+:\d+, state (\d+), ", part, re.MULTILINE)}
    for part in re.split(r"/\* PROC ", code)[1:]:
        name = part.split()[0].strip(":")
        for state, line, text in re.findall(r"// STATE (\d+) - [\w./]+:(\d+) - \[(.*)\] \(", part):
            # Conditions and jumps do nothing; printf and assert(0) are what must() does when a property is broken.
            if text.startswith(("(", ".(goto)", "goto", "printf", "break", "-end-")) or text == "assert(0)":
                continue
            every.add(int(line))
            if (name, state) not in missed:
                executed.add(int(line))
    return every, executed


def main():
    model = pathlib.Path(sys.argv[1]).resolve()
    if not shutil.which("spin"):
        print("SKIPPED: spin is not installed (tools/install --tests)")
        return 77
    text = model.read_text(encoding="utf-8")
    runs, mutations = parse_head(text)
    jobs = {(name, None): run for name, run in runs.items()}
    for mutation, name, _ in mutations:
        jobs[(name, mutation)] = ([*runs[name][0], f"-D{mutation}"], runs[name][1], "-O0")  # soon found
    expected = {(name, mutation): broken for mutation, name, broken in mutations}
    failures, every, executed = [], set(), set()
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        results = {job: pool.submit(verify, model, *how) for job, how in jobs.items()}
    for (name, mutation), result in results.items():
        title = f"run {name}" if mutation is None else f"mutation {mutation} in {name}"
        try:
            errors, broken, (statements, done), said = result.result()
        except (Failure, subprocess.TimeoutExpired) as failure:
            failures.append(f"{title}: {failure}")
            continue
        states = re.search(r"(\d+) states, stored", said).group(1)
        print(f"{title}: {states} states, {'no error' if not errors else 'broken: ' + broken}")
        if mutation is None:
            every |= statements
            executed |= done
        if broken != expected.get((name, mutation)):
            failures.append(f"{title}: expected {expected.get((name, mutation)) or 'no error'}, got {broken}")
    lines = text.splitlines()
    for line in sorted(every - executed):
        if "never" not in lines[line - 1]:
            failures.append(f"{model.name}:{line}: not executed in any run: {lines[line - 1].strip()}")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
