"""A worker that serves nobody: `python program.py FOLDER CONTROL QUOTAS`.

What it is to do stands in FOLDER/told.json: the version that it has loaded, the versions or problems that it
prepares, and what it is silent about.
"""

import json
import os
import socket
import sys
from pathlib import Path

from gateway.workers.facts import Facts
from gateway.workers.frames import Frames, Message, Word, frame

folder, control = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))


def number():
    """How many have been started before."""
    count = 0
    while True:
        try:
            os.close(os.open(folder / f"started-{count}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            count += 1
        else:
            return count


def facts(version):
    places = tuple(told.get("addresses", ["127.0.0.1:0", "127.0.0.1:0"]))
    return Facts(version, (), False, places, 0.0, 1.0)


def reply(message, said):
    control.sendall(frame(Message(Word.REPLY, message.number, json.dumps(said).encode())))


everybody = json.loads((folder / "told.json").read_text())
mine = number()
told = everybody["told"][mine] if mine < len(everybody["told"]) else everybody["usual"]
if "status" in told:
    sys.exit(told["status"])
if "failed" in told:
    control.sendall(frame(Message(Word.FAILED, 0, told["failed"].encode())))
    sys.exit(1)
version = told.get("version", "one")
prepared = version
control.sendall(frame(Message(Word.READY, 0, facts(version).body())))
frames = Frames()
while data := control.recv(65536):
    for message in frames.feed(data, range(99)):
        if message.word.name in told.get("silent", ()):
            continue
        match message.word:
            case Word.SERVE:
                control.sendall(frame(Message(Word.REPLY, message.number, told.get("serve", "").encode())))
            case Word.PREPARE:
                following = told.get("prepares", "two")
                problems = following if isinstance(following, list) else []
                prepared = version if problems else following
                said = {"version": prepared, "is_new": prepared != version, "problems": problems}
                reply(message, {**said, "facts": None if problems else json.loads(facts(prepared).body())})
            case Word.ADOPT:
                is_new, version = version != prepared, prepared
                reply(message, {"version": version, "is_new": is_new, "problems": []})
            case Word.REFUSE:
                (folder / f"refused-{mine}").touch()
            case Word.QUESTION:
                control.sendall(frame(Message(Word.REPLY, message.number, b"%d:" % mine + message.body)))
            case Word.LEAVE | Word.DRAIN | Word.STOP:
                (folder / f"ended-{mine}-{message.word.name}").touch()
                control.sendall(frame(Message(Word.REPORT, 0, b"{}")))
                sys.exit(0)
