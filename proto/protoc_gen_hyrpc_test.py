#!/usr/bin/python3
"""What protoc-gen-hyrpc refuses, and with which sentence. Usage: protoc_gen_hyrpc_test.py PROTO_FOLDER"""
import pathlib
import subprocess
import sys
import tempfile

HEAD = 'syntax = "proto3"; package hy; import "options.proto"; import "head.proto";\n'
MESSAGES = """
message Ask { RequestHead head = 1; uint32 uin = 2; string name = 3; repeated uint32 many = 4;
    oneof either { uint32 left = 5; uint32 right = 6; } }
message Answer { ResponseHead head = 1; }
message Bare { uint32 uin = 1; message Inner {} }
"""


def service(options, id_option="option (service) = {id: 7};", types="(Ask) returns (Answer)"):
    return HEAD + f"service Bad {{ {id_option} rpc DoIt {types} {{ option (method) = {{{options}}}; }} }}" + MESSAGES


OTHER = (
    HEAD + "service Other { option (service) = {id: %d}; rpc %s (B) returns (C) { option (method) = {cmd: %d}; } }"
    "message B { RequestHead head = 1; } message C { ResponseHead head = 1; }"
)

CASES = [
    ("what is right passes", {"bad": service('cmd: 9 route: "user:uin" order: "uin"')}, None),
    ("a service without id", {"bad": service("", "")}, "bad.proto: service Bad: option (service) must give an id"),
    ("a service ID too large", {"bad": service("", "option (service) = {id: 65536};")},
     "bad.proto: service Bad: option (service) must give an id from 1 to 65535"),
    ("a service without methods", {"bad": HEAD + "service Bad { option (service) = {id: 7}; }"},
     "bad.proto: service Bad: has no methods"),
    ("a route that is none", {"bad": service('route: "uin"')},
     'bad.proto: Bad.DoIt: route "uin" is none of user:FIELD, name:FIELD, self'),
    ("a route without its field", {"bad": service('route: "user:"')}, "bad.proto: Bad.DoIt: route \"user:\" is none of"),
    ("a route field that is not there", {"bad": service('route: "user:who"')},
     "bad.proto: Bad.DoIt: Ask has no field who"),
    ("a user route field of another type", {"bad": service('route: "user:name"')},
     "bad.proto: Bad.DoIt: field name of Ask is no plain uint32"),
    ("a name route field of another type", {"bad": service('route: "name:uin"')},
     "bad.proto: Bad.DoIt: field uin of Ask is no plain string"),
    ("a repeated route field", {"bad": service('route: "user:many"')},
     "bad.proto: Bad.DoIt: field many of Ask is no plain uint32"),
    ("a route field that may not be chosen", {"bad": service('route: "user:left"')},
     "bad.proto: Bad.DoIt: field left of Ask is no plain uint32"),
    ("an order field of another type", {"bad": service('cmd: 9 order: "name"')},
     "bad.proto: Bad.DoIt: field name of Ask is no plain uint32"),
    ("open to all, yet for the signed-in user", {"bad": service('cmd: 9 open: true route: "self"')},
     'bad.proto: Bad.DoIt: open, but route "self" needs a signed-in user'),
    ("open without a command number", {"bad": service("open: true")},
     "bad.proto: Bad.DoIt: open and order are for methods with a cmd"),
    ("a priority too large", {"bad": service("priority: 8")}, "bad.proto: Bad.DoIt: priority 8 is over 7"),
    ("on_failure too large", {"bad": service("on_failure: 3")}, "bad.proto: Bad.DoIt: on_failure 3 is over 2"),
    ("a client's request without head", {"bad": service("cmd: 9", types="(Bare) returns (Answer)")},
     "bad.proto: Bad.DoIt: field 1 of Bare must be RequestHead head"),
    ("a client's answer without head", {"bad": service("cmd: 9", types="(Ask) returns (Bare)")},
     "bad.proto: Bad.DoIt: field 1 of Bare must be ResponseHead head"),
    ("a stream", {"bad": service("", types="(stream Ask) returns (Answer)")},
     "bad.proto: Bad.DoIt: streams are not supported"),
    ("a request within another message", {"bad": service("", types="(Bare.Inner) returns (Answer)")},
     "bad.proto: Bad.DoIt: hy.Bare.Inner is not at the top level of a file"),
    ("one command number in two files", {"bad": service("cmd: 9"), "other": OTHER % (8, "Run", 9)},
     "other.proto: Other.Run: cmd 9 belongs to bad.proto: Bad.DoIt"),
    ("one path in two files", {"bad": service("cmd: 9"), "other": OTHER % (8, "DoIt", 10)},
     "other.proto: Other.DoIt: path /cgi-bin/do-it belongs to bad.proto: Bad.DoIt"),
    ("one service ID in two files", {"bad": service(""), "other": OTHER % (7, "Run", 10)},
     "other.proto: service Other: service id 7 belongs to bad.proto: service Bad"),
]


def run(proto_folder, files):
    """The sentence of the plug-in, or None when it is content."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in files.items():
            names.append(f"{name}.proto")
            pathlib.Path(folder, names[-1]).write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["protoc", f"--plugin={proto_folder}/protoc-gen-hyrpc", f"-I{folder}", f"-I{proto_folder}",
             f"--hyrpc_out={folder}", *names],
            stderr=subprocess.PIPE, encoding="utf-8", check=False)
        return None if done.returncode == 0 else done.stderr.strip()


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (label, files, wanted) in enumerate(CASES, 1):
        got = run(sys.argv[1], files)
        right = got is None if wanted is None else got is not None and wanted in got
        failed += not right
        print(f"{'ok' if right else 'not ok'} {number} - {label}")
        if not right:
            print(f"# wanted: {wanted}\n# got: {got}")
    sys.exit(failed > 0)


main()
