#!/usr/bin/python3
"""usage: test/fault/damage.py [--seed S] [--build FOLDER] [--keep]

What breaks or is full, with the real server: a damaged byte in the log, a sync that fails, a full disk, a full inbox. What was
answered must be there
after a restart, what cannot be kept must not be answered, reads go on, and what the server says must help.
"""
import asyncio
import os
import signal
import sys
import time

sys.dont_write_bytecode = True

from checker import OPTIONS, Run, parse
from model import Violation
from server import ServerFailed

# Everything stays in the log: nothing is moved while a test looks.
LOG_ONLY = ["--memory", "64M", "--log", "64M", "--segment", "16M", *OPTIONS[6:]]


def need(good, text):
    if not good:
        raise Violation(text)


async def traffic(run, seconds):
    """All send and read."""
    run.plan.calm, run.plan.clean_links = False, True
    tasks = [asyncio.create_task(c) for p in run.people for c in (p.live_sending(), p.live_reading())]
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    run.plan.calm = True
    for task in done:
        task.result()
    await asyncio.gather(*tasks)


async def settle(run):
    """After a restart: all is answered and synced, and nothing was lost."""
    await asyncio.wait_for(asyncio.gather(*[p.settle() for p in run.people]), 60)
    for _ in range(2):
        await asyncio.gather(*[run.sync_all(p) for p in run.people])
    run.judge()


async def refused_start(run):
    """What the server says when it does not start."""
    before = os.path.getsize(run.server.log)
    await run.server.spawn()
    try:
        status = await asyncio.wait_for(run.server.process.wait(), 20)
    except asyncio.TimeoutError:
        raise Violation("the server started on a damaged log") from None
    need(status == 1, "the server ended with status %d on a damaged log" % status)
    with open(run.server.log, encoding="utf-8") as log:
        log.seek(before)
        return log.read()


def newest_log(run):
    folder = run.server.log_folder()
    return os.path.join(folder, max(n for n in os.listdir(folder) if n.startswith("log-")))


def harm(path):
    """Changes one byte well before the end of what was written."""
    with open(path, "r+b") as f:
        used = len(f.read().rstrip(b"\0"))
        need(used > 100000, "too little was written: %d bytes" % used)
        f.seek(used * 4 // 10)
        byte = f.read(1)[0]
        f.seek(used * 4 // 10)
        f.write(bytes([byte ^ 0x10]))


async def damaged_byte(run):
    """a damaged byte in the middle of the log is refused, and --repair goes on"""
    await run.enter()
    await traffic(run, 3)
    await run.server.end(signal.SIGKILL)
    path = newest_log(run)
    harm(path)
    with open(path, "rb") as f:
        held = f.read()
    for _ in range(2):
        said = await refused_start(run)
        need("damaged" in said and "--repair" in said, "it does not say what to do: " + said)
    with open(path, "rb") as f:
        need(f.read() == held, "a refused start has changed the log")
    for p in run.people:
        p.device.hang_up()
    run.resync_is_due = True
    await run.server.start(["--repair"])
    await asyncio.gather(*[run.sync_all(p) for p in run.people])
    need(run.counts["resyncs"] == len(run.people), "%d devices of %d were told to resync" % (
        run.counts["resyncs"], len(run.people)))
    run.resync_is_due = False
    for message in run.model.messages:  # of these, some are lost, as was said
        message.answered = None
        message.id = None
    run.model.by_id.clear()
    await traffic(run, 1)
    await run.server.end(signal.SIGTERM)
    await run.server.start()
    for _ in range(2):
        await asyncio.gather(*[run.sync_all(p) for p in run.people])


async def failing_sync(run, number):
    await run.enter()
    await run.server.end(signal.SIGTERM)
    await run.server.start(environment={"POWERCUT_EIO_SYNC": str(number)})
    for p in run.people:
        p.device.hang_up()
    await traffic(run, 2)
    began = time.monotonic()
    await traffic(run, 1.5)
    counts = run.server.counts()
    need(counts["failed_syncs"] == 1, "no sync has failed: %s" % counts)
    need(counts["syncs_after_failure"] == 0, "a log was synced again after its sync had failed: %s" % counts)
    need(run.counts["sends refused: code 14"] > 0, "no send was answered by UNAVAILABLE")
    need(any(start > began for v in run.model.views for start, _ in v.rounds), "nobody could read any more")
    await run.server.end(signal.SIGKILL)
    await run.plan.cut(run.server)
    await run.server.start()
    await settle(run)


async def failing_sync_early(run):
    """the first sync of the log fails: UNAVAILABLE, no second try, reads go on, nothing answered is lost"""
    await failing_sync(run, 3)


async def failing_sync_later(run):
    """a later sync of the log fails: the same"""
    await failing_sync(run, 150)


async def full_disk(run):
    """the disk is full: RESOURCE_EXHAUSTED or UNAVAILABLE, reads go on, nothing answered is lost"""
    await run.enter()
    await run.server.end(signal.SIGTERM)
    await run.server.start(environment={"POWERCUT_FULL_AFTER": str(3 << 20)})
    for p in run.people:
        p.device.hang_up()
    await traffic(run, 4)
    began = time.monotonic()
    await traffic(run, 1.5)
    need(run.server.counts()["refused_writes"] > 0, "the disk never was full")
    need(run.counts["sends refused: code 8"] + run.counts["sends refused: code 14"] > 0, "no send was refused")
    need(any(start > began for v in run.model.views for start, _ in v.rounds), "nobody could read any more")
    await run.server.end(signal.SIGKILL)
    await run.plan.cut(run.server)
    await run.server.start()
    await settle(run)


async def full_inbox(run):
    """the full inbox of a user who is signed out refuses more, and loses nothing that it took"""
    await run.enter()
    reader, sender = [p for p in run.people if len(p.user.devices) == 1][:2]
    run.plan.calm = True
    await reader.device.call(103, run.pb.SignOutRequest(head=reader.device.head()), run.pb.SignOutResponse, over_long=False)
    reader.device.hang_up()
    link = await sender.device.long_link()
    while len(sender.unanswered) < 3 and len(run.model.messages) < 100:
        message = sender.new_message()
        message.to = reader.user.uin
        if not await sender.start(link, message):
            sender.unanswered.append(message)
    need(run.counts["sends refused: code 8"] == 3, "an inbox of 64 messages took %d" % run.counts["sends answered"])
    await reader.sign_in()
    for _ in range(2):
        await run.sync_all(reader)
    await settle(run)


CASES = [(damaged_byte, LOG_ONLY), (failing_sync_early, None), (failing_sync_later, None), (full_disk, None),
         (full_inbox, [*OPTIONS, "--inbox-rows", "64"])]


async def guarded(run, case):
    try:
        await case(run)
        await run.server.end(signal.SIGTERM)
        return []
    except (Violation, ServerFailed, AssertionError) as e:
        return [str(e) or repr(e), *(run.model.describe(e) if isinstance(e, Violation) else [])]
    except asyncio.TimeoutError:
        return ["it took too long"]
    finally:
        if run.server.process and run.server.process.returncode is None:
            run.server.process.kill()
            await run.server.process.wait()


def main():
    options = parse()
    options.users, options.pairs = 10, 0
    failed = 0
    for case, server_options in CASES:
        run = Run(options, server_options)
        run.pause = 0.01
        wrong = asyncio.run(guarded(run, case))
        wrong += ["in the server's log: " + line for line in run.server.bad_lines()[:20]]
        print("%s: %s" % ("FAILED" if wrong else "held", case.__doc__), flush=True)
        if wrong:
            failed += 1
            print("\n".join(["  " + line for line in wrong] + ["  seed %d; kept: %s" % (options.seed, run.folder)]))
            options.seed += 1  # leave its folder
        elif not options.keep:
            run.server.remove()
    print("%d passed, %d failed" % (len(CASES) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
