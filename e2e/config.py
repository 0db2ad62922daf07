# SPDX-License-Identifier: MIT
"""Goal: each setting can be given in three ways, the stronger one wins, and a mistake is named with its place.
Method: the keys that the program itself lists; real files, variables and flags; `config show` says what holds."""
import json
import os

from harness import CONFIG, OK, USAGE, Process, Skip, check, main, same

# Somebody's address.
PEER = "qg://0cd45a5b-8bb6-8afe-bc64-2a1a14bb0c8b-0w@127.0.0.1:5000"
# A value for each key that is not its default, as TOML and as text.
VALUES = {
    "control": ('"/c/sock"', "/c/sock"),
    "key": ('"/k/key"', "/k/key"),
    "pass_phrase_file": ('"/k/phrase"', "/k/phrase"),
    "listen": ('["127.0.0.1:1", "[::1]:2"]', "127.0.0.1:1,[::1]:2"),
    "connect": (f'["{PEER}"]', PEER),
    "network": ('"other"', "other"),
    "gss": ('"/g/gss"', "/g/gss"),
    "sessions_max": ("17", "17"),
    "suites": ('["Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256"]', "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256"),
    "tcp": ('"off"', "off"),
    "packet_size": ("1300", "1300"),
    "receive": ('"/r"', "/r"),
    "keep_parts": ("3", "3"),
    "key_gone": ('"lock"', "lock"),
    "chat_history": ('"memory"', "memory"),
    "privacy": ("3", "3"),
    "padding": ('"full"', "full"),
    "cover": ('"poisson"', "poisson"),
    "cover_interval": ("40", "40"),
    "send_delay": ("7", "7"),
    "handshake_jitter": ("8", "8"),
    "key_update_min": ("60", "60"),
    "key_update_max": ("90", "90"),
    "cover_for_peers": ("0", "0"),
    "log_level": ('"error"', "error"),
}


def keys(bench):
    return bench.run("--json", "config", "keys").json()["keys"]


def user_file(bench, text, name="config/qgate/qgate.toml"):
    file = bench.path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def shown(bench, *arguments, environment=None):
    result = bench.run("--json", "config", "show", "--effective", *arguments, environment=environment)
    same(OK, result.code, f"config show: {result}")
    return result.json()["settings"]


def test_every_key_in_every_form(bench):
    known = keys(bench)
    same(sorted(VALUES), sorted(key["key"] for key in known), "this test knows every key")
    defaults = shown(bench)
    for key in known:
        name = key["key"]
        toml, text = VALUES[name]
        same(("default", ""), (defaults[name]["origin"], defaults[name]["place"]), name)
        file = user_file(bench, f"# {name}\n\n{name} = {toml}\n")
        got = shown(bench)[name]
        same(("file", f"{file}:3"), (got["origin"], got["place"]), name)
        value = got["value"]
        same(text, ",".join(value) if isinstance(value, list) else str(value), f"value of {name} from its file")
        file.write_text("")
        got = shown(bench, environment={key["variable"]: text})[name]
        same((value, "environment", key["variable"]), (got["value"], got["origin"], got["place"]), name)
        got = shown(bench, *[part for one in text.split(",") for part in (key["flag"], one)],
                    environment={key["variable"]: text})
        same((value, "flag", key["flag"]), (got[name]["value"], got[name]["origin"], got[name]["place"]), name)
        bench.refused(USAGE, "node", "run", environment={key["variable"]: "\x01"}, says=f"{key['variable']}: '\\x01'")
        bench.refused(USAGE, "node", "run", key["flag"], "a\x01b", says=f"{key['flag']}: 'a\\x01b'")


def test_who_wins(bench):
    system = user_file(bench, 'network = "system"\nsessions_max = 1\n', "system/qgate/qgate.toml")
    same(("system", f"{system}:1"), tuple(shown(bench)["network"][k] for k in ("value", "place")), "system's file")
    user = user_file(bench, 'network = "user"\n')
    same("user", shown(bench)["network"]["value"], "the user's file wins")
    same(1, shown(bench)["sessions_max"]["value"], "what it does not say stays")
    for name in ("20.toml", "10.toml", "30.not"):
        user_file(bench, f'network = "{name}"\n', f"config/qgate/qgate.toml.d/{name}")
    same("20.toml", shown(bench)["network"]["value"], "drop-ins in the order of their names")
    same("variable", shown(bench, environment={"QG_NETWORK": "variable"})["network"]["value"], "the environment wins")
    other = user_file(bench, 'gss = "rel/gss"\n', "other.toml")
    for settings in (shown(bench, "--config", other), shown(bench, environment={"QG_CONFIG": str(other)})):
        same(("quantumgate", 4096), (settings["network"]["value"], settings["sessions_max"]["value"]), "--config alone")
        same(str(bench.path("rel/gss")), settings["gss"]["value"], "relative to its file")
    control = shown(bench, "--control", "/flag", environment={"QG_CONTROL": "/variable"})["control"]
    same(("/flag", "flag", "--control"), tuple(control[k] for k in ("value", "origin", "place")), "the flag wins")
    check(user.exists(), "files are only read")


def test_show_can_be_read_again(bench):
    user_file(bench, 'network = "with \\"quotes\\" and \\\\"\nlisten = ["127.0.0.1:1", "[::1]:2"]\n')
    before = shown(bench)
    text = bench.run("config", "show", "--effective").out
    check(all(len(line) < 200 for line in text.splitlines()), text)
    again = shown(bench, "--config", user_file(bench, text, "again.toml"))
    same({k: v["value"] for k, v in before.items()}, {k: v["value"] for k, v in again.items()}, "the same values")
    same(["listen", "network"], list(bench.run("--json", "config", "show").json()["settings"]), "only what is set")


def test_a_node_takes_its_settings(bench):
    node = bench.node("a")
    key, gss = node.key, bench.gss()
    same(OK, node.stop(), "stop")
    file = user_file(bench, f'listen = "127.0.0.1:0"\nkey = "{key}"\ngss = "{gss}"\nnetwork = "file"\n'
                            f'sessions_max = 3\ncontrol = "{bench.path("sock")}"\nlog_level = "debug"\n')
    process = Process(bench, ["--json", "node", "run"])
    ready = process.event("ready")
    same(str(bench.path("sock")), ready["control"], "control socket")
    status = bench.run("--json", "status").json()
    same(("file", True), (status["network"], status["shared_secret"]), "network and secret")
    same(OK, process.stop(), "stop")
    file.write_text(file.read_text().replace("listen", "lisen"))
    bench.refused(CONFIG, "node", "run", says=(f"{file}:1: unknown key 'lisen'. Did you mean 'listen'?"))
    bench.refused(CONFIG, "status", says="unknown key")


def test_check_names_every_mistake(bench):
    file = user_file(bench, 'lisen = "127.0.0.1:0"\nnetwork = 5\nsessions_max = 0\nlog_level = "info"\nlisten = "x"\n')
    result = bench.run("config", "check")
    same(CONFIG, result.code, "exit code")
    lines = result.err.splitlines()
    same([f"qgate: {file}:{n}: " for n in (1, 2, 3, 5)], [line[:len(f"qgate: {file}:1: ")] for line in lines], "places")
    result = bench.run("--json", "config", "check")
    same([("config", "")] * 4, [(json.loads(line)["error"]["code"], result.err)
                                for line in result.out.splitlines()], "errors in JSON")
    same(CONFIG, bench.run("config", "show").code, "show refuses too")
    file.write_text('log_level = "info"\n')
    result = bench.run("config", "check")
    same(OK, result.code, f"all is well: {result}")
    check(f"{file}: all is well" in result.out, result.out)
    bench.refused(CONFIG, "config", "check", environment={"QG_LISTN": "x"}, says="Did you mean QG_LISTEN?")
    same(OK, bench.run("config", "check", file, environment={"QG_LISTN": "x"}).code, "one file alone")
    bench.refused(CONFIG, "config", "check", bench.path("absent"), says="does not exist")
    bench.refused(CONFIG, "status", "--config", bench.path("absent"), says="does not exist")
    bench.refused(CONFIG, "config", "check", bench.folder, says="can not be read")


def test_what_can_not_be_read(bench):
    folder = bench.path("config/qgate/qgate.toml.d")
    folder.mkdir(parents=True)
    for i in range(65):
        (folder / f"{i:02}.toml").touch()
    bench.refused(CONFIG, "config", "check", says="more than 64 files")
    if os.geteuid() == 0:
        raise Skip("root reads every file, so mode 000 shows nothing; the folder with too many files passed")
    user_file(bench, "").chmod(0)
    bench.refused(CONFIG, "status", says="Permission denied")


main(globals())
