"""Asks a shell what it completes: shell_completion.py SHELL SCRIPT FOLDER LINE

Starts the shell in the folder, without anyone's settings, sources the script, types LINE and presses TAB. Prints JSON: `line` is what the
line then is, `candidates` is all that the shell would offer,
or null for a word in a quote that is still open.
"""

import json
import os
import pty
import select
import shlex
import subprocess
import sys
import tempfile
import time

LIMIT_SECONDS = 60
PROMPT = b"now ready> "
DUMP = b"\x18\x04"  # Ctrl-X Ctrl-D, bound below to writing the line into a file.
LIST = b"\x18\x05"  # Ctrl-X Ctrl-E

BASH = r"""
bind 'set bell-style none'; bind 'set completion-query-items 0'; bind 'set page-completions off'
dump() { printf '%s' "$READLINE_LINE" > "$DUMP.new"; mv "$DUMP.new" "$DUMP"; }
bind -x '"\C-x\C-d": dump'
bind '"\C-x\C-e": insert-completions'
source "$SCRIPT"
PS1='now ''ready> '
"""

ZSH = r"""
autoload -U compinit && compinit -u -D
# What is offered goes through compadd: it is noted there, with the matching that the shell does.
compadd() {
  local -a offered
  if (( ! ${@[(I)-[OAD]]} )); then
    builtin compadd -O offered "$@"
    (( $#offered )) && print -rl -- $offered >> $DUMP.candidates
  fi
  builtin compadd "$@"
}
dump() { print -rn -- $BUFFER > $DUMP.new; mv $DUMP.new $DUMP }
zle -N dump; bindkey '^X^D' dump
bindkey '^I' complete-word
source $SCRIPT
PS1='now ''ready> '
"""

FISH = r"""
function dump; commandline > $DUMP.new; mv $DUMP.new $DUMP; end
bind \cx\cd dump
function fish_prompt; echo -n 'now ''ready> '; end
source $SCRIPT
"""

SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], BASH),
    "zsh": (["-f", "-i"], ZSH),
    "fish": (["--no-config", "-i"], FISH),
}


def press(path, arguments, setup, line, keys, folder):
    """Types the line and the keys, and gives what the line is then."""
    dump = os.path.join(folder, "line")
    source = os.path.join(folder, "setup")
    with open(source, "w") as file:
        file.write(setup)
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(DUMP=dump, TERM="dumb", HISTFILE="", COLUMNS="200")
        os.execv(path, [path, *arguments])
    try:
        # Keys that come before the prompt would meet a terminal that is not yet the line editor's.
        os.write(terminal, f"source {shlex.quote(source)}\n".encode())
        read_until(terminal, PROMPT)
        os.write(terminal, line.encode() + keys + DUMP)
        end = time.monotonic() + LIMIT_SECONDS
        seen = b""
        while not os.path.exists(dump):
            if time.monotonic() > end:
                raise SystemExit(f"the shell did not come to an end with the line: {seen!r}")
            seen += drain(terminal, 0.05)
        with open(dump, encoding="utf8") as file:
            return file.read()
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def read_until(terminal, words):
    end = time.monotonic() + LIMIT_SECONDS
    seen = b""
    while words not in seen:
        if time.monotonic() > end:
            raise SystemExit(f"the shell did not start: {seen!r}")
        seen += drain(terminal, 0.5)


def drain(terminal, seconds):
    if select.select([terminal], [], [], seconds)[0]:
        return os.read(terminal, 65536)
    return b""


def main():
    path, script, folder, line = sys.argv[1:]
    shell = os.path.basename(path)
    os.environ["SCRIPT"] = script
    os.chdir(folder)
    arguments, setup = SHELLS[shell]
    with tempfile.TemporaryDirectory() as notes:
        after = press(path, arguments, setup, line, b"\t", notes).rstrip("\n")
        if shell == "fish":
            ask = ["--no-config", "-c", "source $SCRIPT; complete -C $argv[1]", line]
            offered = subprocess.run([path, *ask], check=True, capture_output=True, encoding="utf8").stdout
            candidates = [entry.split("\t")[0] for entry in offered.splitlines()]
        elif line.count('"') % 2 == 1 or line.count("'") % 2 == 1:
            candidates = None  # bash would not close the quote behind them.
        elif shell == "zsh":
            noted = os.path.join(notes, "line.candidates")
            candidates = open(noted, encoding="utf8").read().splitlines() if os.path.exists(noted) else []
        else:
            os.remove(os.path.join(notes, "line"))
            inserted = press(path, arguments, setup, line, LIST, notes)
            candidates = shlex.split(inserted[line.rfind(" ") + 1 :])
    print(json.dumps({"line": after, "candidates": candidates}))


main()
